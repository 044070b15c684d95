"""The guard in front of the server: what a stranger may not send."""

import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
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
    with httpx.Client() as client:  # one for all: a new one takes longer than its request
        for form in forms:
            data = ["bigram", form]
            posts = {
                "/call/score": {"data": data},
                "/call/score/": {"data": data},
                "/call/v2/score": {"model": "bigram", "text": form},
                "/queue/join": {"fn_index": score, "session_hash": "s", "data": data},
                "/run/predict": {
                    "fn_index": at_once["id"],
                    "session_hash": "s",
                    "data": [form] * len(at_once["inputs"]),
                },
                "/api/predict": {"fn_index": at_once["id"], "event_data": form, "data": []},
            }
            for path, body in posts.items():
                text = json.dumps(body)
                escaped = text.replace("gradio.", "\\u0067radi\\u006f.").replace("meta", "\\u006deta")
                for sent in (text.encode(), escaped.encode(), text.encode("utf-16"), text.encode("utf-32-le")):
                    for kind in ("application/json", "application/x+json; charset=latin-1"):
                        answer = client.post(root + path, content=sent, headers={"Content-Type": kind})
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
            inside = json.dumps(file_at("http://x") if wanted else {"url": "http://x", "meta": {"_type": "other"}})
            assert body_problem((opened * depth + inside + closed * depth).encode()) == wanted


@pytest.mark.parametrize("meta", [None, [], "gradio.FileData", 1])
def test_a_path_with_anything_else_that_gradio_fails_at_is_refused(meta: object) -> None:
    """Gradio takes the `_type` of a `meta` without a look at what it is: the visitor read "null"."""
    assert body_problem(json.dumps({"data": [{"path": "x", "meta": meta}]}).encode()) == FILES
    assert body_problem(json.dumps({"data": [{"meta": meta}]}).encode()) is None


def test_a_path_alone_is_a_file_too() -> None:
    """In the data of an event it gave a traceback in the log."""
    assert body_problem(b'{"data": [], "event_data": {"char": {"path": "abc"}}}') == FILES


CLOSED = [
    "gradio_api/process_recording", "gradio_api/component_server", "gradio_api/run-history/connect",
    "gradio_api/run-history/buckets", "gradio_api/runs", "gradio_api/vibe-edit", "gradio_api/vibe-code/",
    "gradio_api/undo-vibe-edit", "gradio_api/vibe-starter-queries", "gradio_api/dev/reload", "gradio_api/openapi.json",
    "gradio_api/upload", "gradio_api/upload_progress", "gradio_api/deep_link", "gradio_api/stream/x", "gradio_api/user",
    "gradio_api/token", "gradio_api/app_id", "gradio_api/custom_component/1/client/component/x",
    "gradio_api/anything-new", "openapi.json", "docs", "login", "logout", "svelte/x", "monitoring",
    "monitoring/summary",
]  # fmt: skip


@pytest.mark.parametrize("path", CLOSED)
def test_what_the_page_does_not_use_is_closed(path: str, playground: Server) -> None:
    """`process_recording` took files from anyone, and started one ffmpeg for each."""
    for method in ("GET", "POST"):
        answer = httpx.request(method, f"{playground.url}/{path}", content=b"{}" if method == "POST" else None)
        assert (answer.status_code, answer.text) == (404, "This page has nothing at this address.")


@pytest.mark.parametrize(
    "path", ["", "config", "theme.css", "gradio_api/info", "gradio_api/startup-events", "robots.txt"]
)
def test_what_the_page_uses_is_open(path: str, playground: Server) -> None:
    answer = httpx.get(f"{playground.url}/{path}")
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_may_be_shown_in_a_space_and_nowhere_else(playground: Server) -> None:
    answer = httpx.get(playground.url)
    assert answer.headers["Referrer-Policy"] == "same-origin"
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' https://huggingface.co" in policy  # where a Space is shown in an iframe
    assert "X-Frame-Options" not in answer.headers


@pytest.mark.parametrize("length", [49_153, 60_000, 100_000])
def test_too_long_an_address_is_refused_in_words(length: int, playground: Server) -> None:
    """One of 100 kB gave an error of the server."""
    for query in ("?prompt=" + "a" * length, "a" * length):
        connection = HTTPConnection(playground.url.removeprefix("http://"))  # httpx itself refuses long addresses
        connection.request("GET", f"/{query}")
        answer = connection.getresponse()
        assert (answer.status, answer.read().decode()) == (414, "An address may have 49,152 bytes.")
        connection.close()
    assert httpx.get(f"{playground.url}/?prompt=" + "a" * 40_000).status_code == 200


@pytest.mark.parametrize("host", ["<b>", "a b", "x/../y", "a:b", "user@host", "a,<script>"])
def test_a_host_that_is_none_is_refused(host: str, playground: Server) -> None:
    answer = httpx.get(playground.url, headers={"X-Forwarded-Host": host})
    assert (answer.status_code, answer.text) == (400, "The host of a request must be a name and a port.")


def test_a_proxy_may_name_the_page_and_a_visitor_may_not_name_gradio_s_server(playground: Server) -> None:
    page = httpx.get(playground.url, headers={"X-Forwarded-Host": "class.example:8443", "X-Forwarded-Proto": "https"})
    assert page.status_code == 200
    assert "https://class.example:8443" in page.text
    assert "evil" not in httpx.get(playground.url, headers={"X-Gradio-Server": "http://evil"}).text


def test_another_website_may_not_ask_in_a_visitor_s_name(playground: Server) -> None:
    """With a foreign host, Gradio lets every website read answers with a visitor's cookies."""
    own = {"Host": "class.example", "Origin": "https://class.example", "Cookie": "a=b"}
    assert httpx.get(f"{playground.url}/config", headers=own).status_code == 200
    assert httpx.get(f"{playground.url}/config", headers={**own, "Origin": "https://evil"}).status_code == 403
    public = {"Host": "class.example", "Origin": "https://evil"}
    assert httpx.get(f"{playground.url}/config", headers=public).status_code == 200


def test_ordinary_requests_pass(playground: Server) -> None:
    """The words alone are harmless: only an object that Gradio takes for a file is refused."""
    text = '{"path": "http://x", "meta": {"_type": "gradio.FileData"}}'
    client = Client(playground.url, verbose=False)
    assert client.predict("bigram", text, api_name="/score")["text"] == "".join(c for c in text if c in "\n abcdefghi")
    assert len(client.predict("gpt", "abc", max_new_tokens=5, api_name="/sample")) == 5
    client.close()
