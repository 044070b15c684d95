"""Middleware in front of Gradio's server: it limits requests and closes addresses that this page does not need."""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024  # bytes; a full request of this page is about 10 kB
MAX_ADDRESS = 48 * 1024  # bytes; a link that holds three full texts of this page, in ASCII, has at most 25 kB
# What the page and Gradio's clients ask of Gradio's own addresses. All others are closed: among them are those that
# fetch any public URL, take files, run ffmpeg, or tell what other visitors did.
API = "/gradio_api/"
OPEN = ("api/", "call/", "cancel", "heartbeat/", "info", "queue/", "reset", "run/", "startup-events", "theme.css")
CLOSED = ("/custom_component", "/docs", "/login", "/logout", "/monitoring", "/openapi.json", "/redoc", "/svelte")
FILE = "gradio.FileData"  # the mark by which Gradio 6.31 knows a file (`gradio_client.utils.is_file_obj_with_meta`)
HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?", re.ASCII)

# No `X-Frame-Options`: a Space is shown in an iframe of huggingface.co.
PAGE_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self' https://huggingface.co https://*.hf.space; object-src 'none'",
    "Referrer-Policy": "same-origin",  # the address holds what a visitor wrote
}


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
            # A path alone is a file to Gradio too, in the data of an event.
            if "path" in part or (isinstance(meta, dict) and meta.get("_type") == FILE):
                return "This page takes no files."
            left.extend(part.values())
        elif isinstance(part, list):
            left.extend(part)
    return None


def address_problem(scope: Scope) -> tuple[str, int] | None:
    """Why an address is refused, in one sentence, with the status of the answer; None if it is not."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_ADDRESS:
        return f"An address may have {MAX_ADDRESS:,} bytes.", 414
    path = scope["path"]
    _, api, name = path.partition(API)
    if (api and not name.startswith(OPEN)) or path.removeprefix(scope.get("root_path", "")).startswith(CLOSED):
        return "This page has nothing at this address.", 404
    return None


def header_problem(headers: Mapping[str, str]) -> tuple[str, int] | None:
    """Why a request's headers are refused, in one sentence, with the status of the answer; None if they are not.

    Gradio writes the host into the page, and lets every website read its answers as the visitor who is signed in: a
    private Space knows its visitors by a cookie.
    """
    hosts = [headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")]
    named = [host.strip() for host in hosts if host.strip()]
    if not all(map(HOST.fullmatch, named)):
        return "The host of a request must be a name and a port.", 400
    origin = headers.get("origin")
    if origin and "cookie" in headers and urlsplit(origin).netloc not in named:
        return "Another website may not ask in a visitor's name.", 403
    return None


class Guard:
    """ASGI middleware: a sentence for an address, a header or a body that is refused; headers that protect the page."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                if headers.get("Content-Type", "").startswith("text/html"):  # scripts and styles do not need them
                    headers.update(PAGE_HEADERS)
            await send(message)

        if problem := address_problem(scope) or header_problem(Headers(scope=scope)):
            await PlainTextResponse(*problem)(scope, receive, send_with_headers)
            return
        # With it Gradio's own Node server, which is not used here, says where the page is.
        scope["headers"] = [header for header in scope["headers"] if header[0] != b"x-gradio-server"]
        if scope["method"] != "POST":
            await self.app(scope, receive, send_with_headers)
            return

        # Read the whole body first: the length that the client declares may be false.
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > MAX_BODY:
                answer = PlainTextResponse(f"A request may have {MAX_BODY:,} bytes.", 413)
                await answer(scope, receive, send_with_headers)
                return
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                break
        if refusal := body_problem(body):
            await PlainTextResponse(refusal, 400)(scope, receive, send_with_headers)
            return
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()  # waits for the client to leave
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send_with_headers)
