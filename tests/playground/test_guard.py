"""The guard in front of the server: what a stranger may not send."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
from gradio_client import Client
from server import Server

from nanogpt.playground.guard import body_problem

FILES = "This page takes no files."


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another server: its URL, and the paths that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"fetched")

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def file_at(url: str) -> dict[str, object]:
    return {"path": url, "meta": {"_type": "gradio.FileData"}}


def test_no_post_makes_the_server_fetch_a_url(playground: Server, elsewhere: tuple[str, list[str]]) -> None:
    """An argument that looked like one of Gradio's files made it download any public URL, before our code ran."""
    url, asked = elsewhere
    root = f"{playground.url}/gradio_api"
    config = httpx.get(f"{playground.url}/config").json()["dependencies"]
    score = next(fn["id"] for fn in config if fn["api_name"] == "score")
    at_once = next(fn for fn in config if not fn["queue"] and fn["backend_fn"] and fn["inputs"])
    forms = [file_at(url + "/plain"), [{"deep": [file_at(url + "/nested")]}], {**file_at(url + "/url"), "url": url}]
    for form in forms:
        data = ["bigram", form]
        posts = {
            "/call/score": {"data": data},
            "/call/score/": {"data": data},
            "/call/v2/score": {"model": "bigram", "text": form},
            "/queue/join": {"fn_index": score, "session_hash": "s", "data": data},
            "/run/predict": {"fn_index": at_once["id"], "session_hash": "s", "data": [form] * len(at_once["inputs"])},
            "/api/predict": {"fn_index": at_once["id"], "event_data": form, "data": []},
        }
        for path, body in posts.items():
            text = json.dumps(body)
            escaped = text.replace("gradio.", "\\u0067radi\\u006f.").replace("meta", "\\u006deta")
            for sent in (text.encode(), escaped.encode(), text.encode("utf-16"), text.encode("utf-32-le")):
                for kind in ("application/json", "application/x+json; charset=latin-1"):
                    answer = httpx.post(root + path, content=sent, headers={"Content-Type": kind})
                    assert (answer.status_code, answer.text) == (400, FILES)
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    # What comes later comes after everything before it, so the server is idle when the count is taken.
    assert Client(playground.url, verbose=False).predict(api_name="/models") == ["bigram", "gpt"]
    assert asked == []


def test_no_address_makes_the_server_fetch_a_url(playground: Server, elsewhere: tuple[str, list[str]]) -> None:
    """`/gradio_api/file=URL` answered with what stands at the URL."""
    url, asked = elsewhere
    for path in ("file=", "file/", "file%3D", "proxy="):
        for method in ("GET", "HEAD"):
            answer = httpx.request(method, f"{playground.url}/gradio_api/{path}{url}/x", follow_redirects=True)
            assert answer.status_code == 404
    assert asked == []


@pytest.mark.parametrize(
    "body", [b"a=1", b"\xff\xfe\xff", b"[" * 60_000, b'{"data": [' + b"9" * 5_000 + b"]}", b'{"data": ["half'], ids=len
)
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_is_not_json_is_refused(body: bytes, kind: str) -> None:
    assert body_problem(body) == "The body of a request must be JSON."


@pytest.mark.parametrize("depth", [0, 1, 100, 900])
def test_depth_hides_nothing(depth: int) -> None:
    for opened, closed in ("[", "]"), ('{"a":', "}"):
        for wanted in (None, FILES):
            inside = json.dumps(file_at("http://x") if wanted else {"path": "http://x", "meta": ["gradio.FileData"]})
            assert body_problem((opened * depth + inside + closed * depth).encode()) == wanted


def test_ordinary_requests_pass(playground: Server) -> None:
    """The words alone are harmless: only an object that Gradio takes for a file is refused."""
    text = '{"path": "http://x", "meta": {"_type": "gradio.FileData"}}'
    client = Client(playground.url, verbose=False)
    assert client.predict("bigram", text, api_name="/score")["text"] == "".join(c for c in text if c in "\n abcdefghi")
    assert len(client.predict("gpt", "abc", max_new_tokens=5, api_name="/sample")) == 5
    client.close()
