"""Calls of the app's functions, checked before Gradio sees them: is there such a function, and does it take that many
values? Without this Gradio answers with `null` or a bare status, and writes a traceback into the log.

Knows the addresses and the bodies by which clients of Gradio 6.31 call functions.
"""

import inspect
import json
from typing import Any

from gradio.blocks import BlockFunction, Blocks
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nanogpt.checks import shown

API = "/gradio_api/"
TYPES: dict[str, tuple[type, ...]] = {
    "data": (list,), "session_hash": (str, type(None)), "event_id": (str, type(None)), "fn_index": (int, type(None)),
    "trigger_id": (int, type(None)), "oauth_token": (str, type(None)), "simple_format": (bool,), "batched": (bool,),
}  # fmt: skip
NEEDED = {"queue/join": ("data", "session_hash", "fn_index"), "cancel": ("session_hash", "fn_index", "event_id"),
          "reset": ("event_id",), "call": ("data",), "run": ("data",), "api": ("data",)}  # fmt: skip


def call_problem(path: str, body: object, blocks: Blocks) -> str | None:
    """Why a call is refused, in one sentence; None if it is not. `path` is what follows `/gradio_api/`."""
    path = path.strip("/")
    kind = path if path in NEEDED else path.partition("/")[0]
    if kind not in NEEDED:
        return None
    if not isinstance(body, dict):
        return "The body of a call must be a JSON object."
    by_name = path.startswith("call/v2/")
    if not by_name and (problem := _wrong_field(body, NEEDED[kind])):
        return problem
    if kind in ("cancel", "reset"):
        return None
    fn = _function(path, None if kind == "call" else body.get("fn_index"), blocks)
    if fn is None or (by_name and fn.api_visibility != "public"):
        return "There is no such function. /gradio_api/info lists the functions of this app."
    return _wrong_names(fn, body) if by_name else _wrong_count(fn, body, whole=kind == "queue/join")


def _wrong_field(body: dict[str, Any], needed: tuple[str, ...]) -> str | None:
    for name, types in TYPES.items():
        wrong = not isinstance(body[name], types) if name in body else name in needed
        wrong = wrong or (name in needed and body[name] is None) or (int in types and isinstance(body.get(name), bool))
        if wrong:
            what = {list: "a list", str: "a text", int: "a whole number", bool: "true or false"}[types[0]]
            return f"{name} must be {what}; got {shown(body.get(name))}."
    return None


def _function(path: str, index: int | None, blocks: Blocks) -> BlockFunction | None:
    """The function that a call asks for, if the server has it: those of the page's scripts run in the browser only."""
    name = path.rpartition("/")[2]
    if index is None:
        found = next((fn for fn in blocks.fns.values() if fn.api_name == name), None)
    else:
        found = blocks.fns.get(index)
    return found if found is not None and found.fn is not None else None


def _wrong_count(fn: BlockFunction, body: dict[str, Any], whole: bool) -> str | None:
    """Why the number of values is wrong; None if it is not. State that a page remembers is one of the inputs.

    With `whole`, as in the queue's calls, the client must send `null` for it; otherwise it may leave it out.
    """
    asked = len(fn.inputs) if whole else sum(not part.skip_api for part in fn.inputs)
    if len(body["data"]) in (len(fn.inputs), asked):
        return None
    return f"{fn.api_name} takes {asked} values; got {len(body['data'])}."


def _wrong_names(fn: BlockFunction, body: dict[str, Any]) -> str | None:
    names = list(inspect.signature(fn.fn).parameters) if fn.fn else []
    if unknown := [name for name in body if name not in names]:
        return f"{fn.api_name} takes {', '.join(names) or 'nothing'}; got {shown(unknown[0])}."
    return None


def _is_refusal(answer: bytes) -> bool:
    """Does an answer hold the sentence of a refusal? After a mistake of ours it holds `null`."""
    try:
        return isinstance(json.loads(answer)["error"], str)
    except (ValueError, TypeError, KeyError):
        return False


class Calls:
    """ASGI middleware behind the guard: 400 with a sentence for a call that Gradio could only fail at.

    A refusal by a function that is called without the queue has status 400, too: Gradio gives it 500.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, api, path = scope["path"].partition(API) if scope["type"] == "http" else ("", "", "")
        if not api or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        message: Message = await receive()  # the guard has put the body together and read it
        body = json.loads(message["body"]) if message.get("body") else None
        if path.strip("/") in ("cancel", "reset") and isinstance(body, dict) and body.get("event_id", "") is None:
            # The visitor stopped a run before the page received its id. Gradio's script then sends null, but its server
            # wants a text. With an empty one it still finds a running function, by the session and the function.
            body["event_id"] = ""
            message["body"] = json.dumps(body).encode()
        if problem := call_problem(path, body, scope["app"].get_blocks()):
            await JSONResponse({"detail": problem}, 400)(scope, receive, send)  # the page shows `detail`
            return

        async def replay() -> Message:
            nonlocal message
            given, message = message, {}
            return given or await receive()

        held: list[Message] = []  # the start of an answer of status 500, until its text is known

        async def send_refusal(sent: Message) -> None:
            if sent["type"] == "http.response.start" and sent["status"] == 500:
                held.append(sent)
                return
            if held:
                start = held.pop()
                await send({**start, "status": 400 if _is_refusal(sent.get("body", b"")) else 500})
            await send(sent)

        await self.app(scope, replay, send_refusal if path.startswith(("run/", "api/")) else send)
