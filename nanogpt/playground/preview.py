"""What a chat or a search engine shows of a link to the page: its title, a description and a picture.

Gradio's page says "Click to try out the app!" there. Previews are read without running scripts, so the words must stand
in the HTML that the server sends.
"""

import re
from html import escape
from pathlib import Path

from gradio.route_utils import get_root_url
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TITLE = "nanoGPT playground"
DESCRIPTION = (
    "A bigram and a GPT, trained on Shakespeare's plays, continue the same beginning side by side with the same luck: "
    "every difference is the model's. Look at each character's odds, attention and surprise."
)
PICTURE = Path(__file__).with_name("preview.png")
SIZE = (1200, 630)  # pixels of the picture
THEIRS = re.compile(
    rb"""<title>.*?</title>\s*|<meta\s+(?:property|name)="(?:og:|twitter:|description")[^>]*>\s*""", re.S
)


def preview_tags(root: str, query: str = "") -> str:
    """The tags for the page at the address `root`, without a trailing slash; the preview keeps the link's `query`."""
    picture = f"{root}/{PICTURE.name}"
    named = {"description": DESCRIPTION, "twitter:card": "summary_large_image", "twitter:title": TITLE}
    named |= {"twitter:description": DESCRIPTION, "twitter:image": picture}
    properties = {"og:type": "website", "og:site_name": TITLE, "og:title": TITLE, "og:description": DESCRIPTION}
    properties |= {"og:url": f"{root}/?{query}".removesuffix("?"), "og:image": picture}
    properties |= {"og:image:width": str(SIZE[0]), "og:image:height": str(SIZE[1]), "og:image:alt": DESCRIPTION}
    rows = [f"<title>{TITLE}</title>"]
    for kind, values in (("name", named), ("property", properties)):
        rows += [f'<meta {kind}="{name}" content="{escape(value)}" />' for name, value in values.items()]
    return "\n\t\t".join(rows)


def with_preview(page: bytes, tags: str) -> bytes:
    """The page with these tags in place of Gradio's, all before its first script. What follows is not touched."""
    head, script, rest = page.partition(b"<script")
    return THEIRS.sub(b"", head) + tags.encode() + b"\n\t\t" + script + rest


class Preview:
    """ASGI middleware behind the guard: rewrites the HTML of "/", and serves the picture."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else None
        if path in ("", "/") and scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, _rewriting(scope, send))
        elif path == f"/{PICTURE.name}" and scope["method"] in ("GET", "HEAD"):
            await FileResponse(PICTURE, headers={"Cache-Control": "public, max-age=3600"})(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _rewriting(scope: Scope, send: Send) -> Send:
    """Sends an answer once it is whole, if it is HTML with the preview; any other passes as it comes."""
    start: Message = {}
    body = b""

    async def send_rewritten(message: Message) -> None:
        nonlocal start, body
        if message["type"] == "http.response.start":
            html = Headers(raw=message["headers"]).get("content-type", "").startswith("text/html")
            if message["status"] == 200 and html:
                start = message
                return
        if not start:
            await send(message)
            return
        body += message.get("body", b"")
        if message.get("more_body", False):
            return
        root = get_root_url(Request(scope), "/", scope["app"].root_path or scope.get("root_path"))
        page = with_preview(body, preview_tags(root, scope["query_string"].decode("latin-1")))
        MutableHeaders(raw=start["headers"])["Content-Length"] = str(len(page))
        await send(start)
        await send({"type": "http.response.body", "body": page})

    return send_rewritten
