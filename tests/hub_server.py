"""A small Hugging Face Hub on a free port: the routes that `huggingface_hub` asks for, over real HTTP.

It keeps repositories in memory. As the real one, it refuses binary files outside LFS and unknown tokens, and puts
`url` into its 409. `fault` names what goes wrong with the next requests.
"""

import asyncio
import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "hf_good"
Files = dict[str, bytes]


@dataclass
class Repository:
    """The files of each commit, in order; the last one is `main`."""

    private: bool
    hardware: str | None
    commits: dict[str, Files] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Files) -> str:
        sha = hashlib.sha1(repr((len(self.commits), sorted(files.items()))).encode()).hexdigest()
        self.commits[sha] = files
        return sha

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    @property
    def files(self) -> Files:
        return self.commits[self.head]

    def resolved(self, revision: str) -> str | None:
        sha = self.head if revision == "main" else self.tags.get(revision, revision)
        return sha if sha in self.commits else None


def error(status: int, code: str = "", message: str = "", **body: Any) -> JSONResponse:
    headers = {"X-Error-Code": code, "X-Error-Message": message or code}
    return JSONResponse({"error": message or code, **body}, status, headers)


class HubServer:
    """The hub, on a thread of its own. `repositories` are keyed by kind and name, as ("models", "alice/gpt")."""

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}  # what LFS holds, by its digest
        self.fault = ""
        repo = "/api/{kind}/{user}/{name}"
        routes = [
            Route("/api/repos/create", self.create, methods=["POST"]),
            Route("/api/validate-yaml", self.validate, methods=["POST"]),
            Route(repo, self.info),
            Route(repo + "/revision/{revision:path}", self.info),
            Route(repo + "/tree/{revision}", self.tree),
            Route(repo + "/preupload/{revision}", self.preupload, methods=["POST"]),
            Route(repo + "/commit/{revision}", self.commit, methods=["POST"]),
            Route(repo + "/runtime", self.runtime),
            Route(repo + "/hardware", self.change_hardware, methods=["POST"]),
            Route("/lfs/{digest}", self.store, methods=["PUT"]),
            Route("/{path:path}.git/info/lfs/objects/batch", self.lfs_batch, methods=["POST"]),
            Route("/{user}/{name}/resolve/{revision}/{path:path}", self.file, methods=["GET", "HEAD"]),
        ]
        app = Starlette(routes=[Route(r.path, self.guarded(r.endpoint), methods=list(r.methods or [])) for r in routes])
        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()

    def guarded(self, endpoint: Any) -> Any:
        """The route behind what goes wrong everywhere: an unknown token, a slow hub, one that is down."""

        async def answer(request: Request) -> Response:
            body = await request.body()
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if given not in ("", TOKEN):
                return error(401, message="Invalid credentials in Authorization header")
            if self.fault == "slow":
                await asyncio.sleep(1)
            if self.fault == "gated":
                return error(403, "GatedRepo")
            if self.fault.isdigit():
                return error(int(self.fault), message="fault")
            return endpoint(request, body) if request.method in ("POST", "PUT") else endpoint(request)

        return answer

    def found(self, request: Request, kind: str = "") -> Repository | None:
        path = request.path_params
        return self.repositories.get((kind or path["kind"], f"{path['user']}/{path['name']}"))

    # --- repositories -----------------------------------------------------------------------------------

    def create(self, request: Request, body: bytes) -> Response:
        asked = json.loads(body)
        if asked["organization"] == "bob":
            return error(403, message="You have no rights here")
        kind, name = f"{asked.get('type', 'model')}s", f"{asked['organization']}/{asked['name']}"
        url = f"{self.url}/{'spaces/' if kind == 'spaces' else ''}{name}"
        if (kind, name) in self.repositories:
            return error(409, message="You already created this repo", url=url)
        made = Repository(asked.get("visibility") == "private", asked.get("hardware"))
        made.commit({".gitattributes": b"*.safetensors filter=lfs\n"})
        self.repositories[kind, name] = made
        return JSONResponse({"url": url})

    def validate(self, request: Request, body: bytes) -> Response:
        front = json.loads(body)["content"].split("---")[1]
        whole = any(key in front for key in ("library_name:", "license:"))
        return JSONResponse({} if whole else {"warnings": [{"message": "no front matter"}]})

    def info(self, request: Request) -> Response:
        repo = self.found(request)
        if repo is None or self.fault == "race":
            return error(404, "RepoNotFound")
        sha = repo.resolved(request.path_params.get("revision", "main"))
        if sha is None:
            return error(404, "RevisionNotFound")
        name = "{user}/{name}".format(**request.path_params)
        files = [{"rfilename": path, "size": len(data)} for path, data in repo.commits[sha].items()]
        return JSONResponse({"id": name, "sha": sha, "private": repo.private, "siblings": files})

    def tree(self, request: Request) -> Response:
        repo = self.found(request)
        if repo is None:
            return error(404, "RepoNotFound")
        entries = [{"type": "file", "path": p, "size": len(data), "oid": "0" * 40} for p, data in repo.files.items()]
        return JSONResponse(entries)

    def runtime(self, request: Request) -> Response:
        repo = self.found(request)
        hardware = {"current": None, "requested": repo.hardware if repo else None}
        return JSONResponse({"stage": "BUILDING", "hardware": hardware})

    def change_hardware(self, request: Request, body: bytes) -> Response:
        repo = self.found(request)
        if repo is None:
            return error(404, "RepoNotFound")
        repo.hardware = json.loads(body)["flavor"]
        return self.runtime(request)

    # --- files ------------------------------------------------------------------------------------------

    def preupload(self, request: Request, body: bytes) -> Response:
        def mode(file: dict[str, Any]) -> str:
            return "lfs" if b"\0" in base64.b64decode(file["sample"]) else "regular"

        files = json.loads(body)["files"]
        return JSONResponse(
            {"files": [{"path": f["path"], "uploadMode": mode(f), "shouldIgnore": False} for f in files]}
        )

    def lfs_batch(self, request: Request, body: bytes) -> Response:
        def upload(wanted: dict[str, Any]) -> dict[str, Any]:
            return {**wanted, "actions": {"upload": {"href": f"{self.url}/lfs/{wanted['oid']}"}}}

        return JSONResponse({"transfer": "basic", "objects": [upload(o) for o in json.loads(body)["objects"]]})

    def store(self, request: Request, body: bytes) -> Response:
        if self.fault == "no storage" or hashlib.sha256(body).hexdigest() != request.path_params["digest"]:
            return error(400, message="not stored")
        self.objects[request.path_params["digest"]] = body
        return Response()

    def commit(self, request: Request, body: bytes) -> Response:
        repo = self.found(request)
        if repo is None:
            return error(404, "RepoNotFound")
        files = dict(repo.files)
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                    if b"\0" in files[value["path"]]:
                        return error(400, message="Your push contains binary files")
                case "lfsFile":
                    files[value["path"]] = self.objects[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        sha = repo.commit(files)
        address = "{user}/{name}/commit/".format(**request.path_params)
        part = "spaces/" if request.path_params["kind"] == "spaces" else ""
        return JSONResponse({"commitUrl": f"{self.url}/{part}{address}{sha}", "commitOid": sha})

    def file(self, request: Request) -> Response:
        repo = self.found(request, "models")
        sha = repo and repo.resolved(request.path_params["revision"])
        if repo is None or sha is None:
            return error(404, "RepoNotFound")
        data = repo.commits[sha].get(request.path_params["path"])
        if data is None:
            return error(404, "EntryNotFound")
        if self.fault == "truncated" and request.method == "GET":
            data = data[: len(data) // 2]
        headers = {"X-Repo-Commit": sha, "ETag": f'"{hashlib.sha256(data).hexdigest()}"'}
        return Response(data, headers=headers)
