"""What stands in front of the server: limits that Gradio leaves to the client, and doors this page does not need."""

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 64 * 1024  # bytes; a full request of this page is about 10 kB
CLOSED = ("/gradio_api/upload", "/gradio_api/deep_link", "/monitoring", "/gradio_api/monitoring")


class Guard:
    """ASGI middleware: 404 for closed doors, 413 for large bodies, and `nosniff` on every answer."""

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

        # The body is read whole before anything else sees it: a length that the client states proves nothing.
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
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()  # waits for the client to leave
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send_with_header)
