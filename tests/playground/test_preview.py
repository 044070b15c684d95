"""What a link preview of the page says: the project's own words, whatever Gradio's page says there."""

import io
import re
from collections.abc import Sequence

import gradio as gr
import pytest
from blocks import built
from fastapi import FastAPI
from PIL import Image
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from nanogpt.playground.guard import Guard
from nanogpt.playground.preview import DESCRIPTION, PICTURE, SIZE, TITLE, Preview, preview_tags, with_preview

PROXY = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "example.org"}


def served(path: str = "", middleware: Sequence[Middleware] = ()) -> TestClient:
    """A client of Gradio's server of a small page, which is mounted below `path`."""

    def make() -> FastAPI:
        with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
            gr.Markdown('<meta property="og:title" content="a part of the page">')
        return gr.mount_gradio_app(FastAPI(), page, path, app_kwargs={"middleware": list(middleware)})

    return TestClient(built(make), "http://here:7860")


@pytest.fixture(scope="module")
def client() -> TestClient:
    return served(middleware=[Middleware(Guard), Middleware(Preview)])


@pytest.fixture(scope="module")
def plain() -> TestClient:
    """The same page without the preview."""
    return served()


def tags(html: str) -> dict[str, list[str]]:
    found = re.findall(r'<meta\s+(?:name|property)="((?:og:|twitter:|description)[^"]*)"\s+content="([^"]*)"', html)
    return {name: [text for other, text in found if other == name] for name, _ in found}


def test_the_page_says_what_the_project_is(client: TestClient) -> None:
    html = client.get("/").text
    head = html.partition("<script")[0]
    told = tags(head)
    assert {len(texts) for texts in told.values()} == {1}
    assert told["og:title"] == told["twitter:title"] == [TITLE]
    assert re.findall("<title>(.*?)</title>", head) == [TITLE]
    assert "bigram" in told["description"][0]
    assert told["description"] == told["og:description"] == told["twitter:description"]
    assert told["og:image"] == told["twitter:image"] == [f"http://here:7860/{PICTURE.name}"]
    assert told["og:url"] == ["http://here:7860/"]
    assert told["twitter:card"] == ["summary_large_image"]
    assert "Click to try out" not in html
    assert len(DESCRIPTION) <= 200  # more is cut off in most previews


def test_the_rest_of_the_page_is_untouched(plain: TestClient) -> None:
    """Its scripts hold the page's own texts, where a tag is only text."""
    page = plain.get("/").content
    ours, theirs = (html.partition(b"<script") for html in (with_preview(page, "x"), page))
    assert ours[1:] == theirs[1:]
    assert b"a part of the page" in ours[2]
    assert b"Click to try out" in theirs[0]
    assert b"<style>" in ours[0]
    assert not tags(ours[0].decode())


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
@pytest.mark.parametrize("path", ["/", "/?prompt=A&seed=2", "/?__theme=dark"])
def test_every_form_of_the_page_has_it(path: str, encoding: str, client: TestClient) -> None:
    answer = client.get(path, headers={"Accept-Encoding": encoding})
    assert tags(answer.text)["og:title"] == [TITLE]
    if encoding == "identity":
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        head = client.head(path, headers={"Accept-Encoding": encoding})
        assert head.status_code == 200
        assert head.headers["Content-Length"] == answer.headers["Content-Length"]


def test_a_link_keeps_its_state_and_cannot_write_markup(client: TestClient) -> None:
    told = tags(client.get('/?prompt="><script>&seed=2').text)
    assert told["og:url"][0].startswith("http://here:7860/?prompt=")
    assert told["og:url"][0].endswith("&amp;seed=2")
    assert "&quot;&gt;&lt;b" in preview_tags("http://here", 'prompt="><b')


def test_behind_a_proxy_addresses_are_the_public_ones(client: TestClient) -> None:
    told = tags(client.get("/", headers=PROXY).text)
    assert told["og:image"] == [f"https://example.org/{PICTURE.name}"]
    assert told["og:url"] == ["https://example.org/"]


def test_below_a_path_addresses_hold_it() -> None:
    client = served("/play", [Middleware(Preview)])
    for path in ("/play/", "/play"):
        told = tags(client.get(path, headers=PROXY).text)
        assert told["og:image"] == [f"https://example.org/play/{PICTURE.name}"]
    assert client.get(f"/play/{PICTURE.name}").headers["Content-Type"] == "image/png"


def test_the_picture_is_small_and_has_the_size_that_previews_want(client: TestClient) -> None:
    answer = client.get(f"/{PICTURE.name}")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in answer.headers["Cache-Control"]
    assert len(answer.content) < 150_000
    assert Image.open(io.BytesIO(answer.content)).size == SIZE
    assert client.head(f"/{PICTURE.name}").headers["Content-Length"] == str(len(answer.content))
    assert client.post(f"/{PICTURE.name}").status_code == 404


def test_other_answers_pass_as_they_are(client: TestClient, plain: TestClient) -> None:
    for path in ("/gradio_api/info", "/nothing", "/gradio_api/startup-events"):
        ours, theirs = client.get(path), plain.get(path)
        assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)
    assert client.post("/").status_code == plain.post("/").status_code


def test_a_page_without_a_script_gets_the_tags_at_its_end() -> None:
    page = b'<title>x</title><meta name="twitter:card"\n content="y" /><p>'
    assert with_preview(page, "<title>z</title>") == b"<p><title>z</title>\n\t\t"
