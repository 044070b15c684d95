"""Middleware in front of Gradio's server: it limits requests and closes addresses that this page does not need."""

import json

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024  # bytes; a full request of this page is about 10 kB
# `file` and `proxy` fetch any public URL that stands behind them, for anyone who asks.
CLOSED = (
    "/gradio_api/upload",
    "/gradio_api/deep_link",
    "/gradio_api/file",
    "/gradio_api/proxy",
    "/monitoring",
    "/gradio_api/monitoring",
)
FILE = "gradio.FileData"  # the mark by which Gradio 6.31 knows a file (`gradio_client.utils.is_file_obj_with_meta`)


def body_problem(body: bytes) -> str | None:
    """Why a request's body is refused, in one sentence; None if it is not.

    Gradio downloads the URL of a file before any function of ours sees it. No part of this page takes files.
    """
    if not body:
        return None
    try:
        # What Gradio's server parses with, so both read the same; a search in the bytes would miss escapes.
        left = [json.loads(body)]
    except (ValueError, RecursionError):
        return "The body of a request must be JSON."
    while left:  # no recursion: a visitor chooses the depth
        part = left.pop()
        if isinstance(part, dict):
            meta = part.get("meta")
            if isinstance(meta, dict) and meta.get("_type") == FILE:
                return "This page takes no files."
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
    return None


class Guard:
    """ASGI middleware: 404 for closed addresses, 413 and 400 for bodies that are refused, `nosniff` on all."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        if scope["path"].rstrip("/").startswith(CLOSED):
            await PlainTextResponse("Not found.", 404)(scope, receive, send_with_header)
            return
        if scope["method"] != "POST":
            await self.app(scope, receive, send_with_header)
            return

        # Read the whole body first: the length that the client declares may be false.
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MAX_BODY:
                answer = PlainTextResponse(f"A request may have {MAX_BODY:,} bytes.", 413)
                await answer(scope, receive, send_with_header)
                return
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                break
        if problem := body_problem(body):
            await PlainTextResponse(problem, 400)(scope, receive, send_with_header)
            return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()  # waits for the client to leave
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send_with_header)
