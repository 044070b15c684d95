"""A text panel in a page of Gradio's: it draws only the runs that the page wants, and stops when the page says so."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page
from small_page import add_buttons, press, served, visited

from nanogpt.playground.components.text_panel import text_panel, text_value

pytestmark = pytest.mark.browser

FRAMES = {
    "first": text_value("GPT", text="one", status="running", run="1"),
    "more": text_value("GPT", text="one and", status="running", run="1"),
    "other": text_value("GPT", text="another", status="running", run="2"),
    "free": text_value("GPT", text="of no run", status="running"),
}
WANT = "run => (window.playground = { wanted: (asked) => asked === run })"


LETTERS = "abcdefghijklmnopqrst"


def write() -> Iterator[dict[str, Any]]:
    """A run: after the first frame, Gradio sends each as its difference from the one before."""
    for length in range(1, len(LETTERS) + 1):
        yield text_value("GPT", text=LETTERS[:length], status="running", run="3")
        time.sleep(0.1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A page with a panel, a button for each frame, and one that asks Python what the panel's value is."""
    with gr.Blocks(analytics_enabled=False) as app:
        panel = text_panel("panel", "The panel")
        add_buttons(panel, FRAMES)
        gr.Button("write", elem_id="write").click(write, None, panel)
        told = gr.JSON(elem_id="told")
        asked = gr.Number(0, elem_id="asked")
        gr.Button("ask", elem_id="ask").click(
            lambda value, times: (value, times + 1), [panel, asked], [told, asked], queue=False
        )
    with served(app) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, "#panel .text-panel") as page:
        yield page


def send(page: Page, name: str) -> None:
    """Let Python write a frame into the panel, and wait until the page has handled its answer."""
    press(page, name)
    page.wait_for_timeout(150)


def drawn(page: Page) -> tuple[str, str | None]:
    """The text and the status that the panel shows."""
    panel = page.locator("#panel .text-panel")
    return panel.locator(".text").evaluate("node => node.textContent"), panel.get_attribute("data-status")


def value_in_python(page: Page) -> dict[str, Any]:
    """What a Python function gets that has the panel as an input."""
    with page.expect_response(lambda answer: "/run/" in answer.url) as answer:
        page.locator("#ask").click()
    value: dict[str, Any] = answer.value.json()["data"][0]
    return value


def test_without_a_script_that_chooses_every_frame_is_drawn(page: Page) -> None:
    for name, text in (("first", "one"), ("other", "another"), ("free", "of no run")):
        send(page, name)
        assert drawn(page) == (text, "running")
    page.evaluate("window.playground = {}")
    send(page, "first")
    assert drawn(page) == ("one", "running")


def test_a_run_that_is_not_wanted_is_neither_drawn_nor_kept(page: Page) -> None:
    page.evaluate(WANT, "1")
    send(page, "first")
    for _ in range(2):
        send(page, "other")
        assert drawn(page) == ("one", "running")
        assert value_in_python(page) == FRAMES["first"]
    send(page, "more")
    assert drawn(page) == ("one and", "running")
    assert value_in_python(page) == FRAMES["more"]
    page.evaluate(WANT, "2")
    send(page, "other")
    assert drawn(page) == ("another", "running")


def test_frames_that_are_left_out_of_a_stream_leave_the_later_ones_whole(page: Page) -> None:
    page.evaluate(WANT, "3")
    page.locator("#write").click()
    page.wait_for_function("() => document.querySelector('#panel .text').textContent.length >= 3")
    page.evaluate(WANT, "none")
    before = drawn(page)
    page.wait_for_timeout(500)
    assert drawn(page) == before
    page.evaluate(WANT, "3")
    page.wait_for_function("text => document.querySelector('#panel .text').textContent === text", arg=LETTERS)
    assert len(before[0]) < len(LETTERS)


def test_a_value_of_no_run_is_always_drawn(page: Page) -> None:
    page.evaluate(WANT, "nothing")
    send(page, "free")
    assert drawn(page) == ("of no run", "running")


def stop(page: Page) -> None:
    page.locator("#panel .text-panel").dispatch_event("stop")


def test_stop_keeps_the_text_and_ends_the_running(page: Page) -> None:
    page.evaluate(WANT, "1")
    send(page, "first")
    page.evaluate(WANT, "none any more")
    stop(page)
    assert drawn(page) == ("one", "stopped")
    assert not page.locator("#panel .caret").is_visible()
    send(page, "more")  # a frame that was under way
    assert drawn(page) == ("one", "stopped")
    assert value_in_python(page) == {**FRAMES["first"], "status": "stopped"}
    page.evaluate(WANT, "2")
    send(page, "other")
    assert drawn(page) == ("another", "running")


def test_stop_changes_nothing_where_nothing_runs(page: Page) -> None:
    stop(page)
    assert drawn(page) == ("", "idle")


def test_a_character_can_be_held_after_a_stop(page: Page) -> None:
    send(page, "first")
    stop(page)
    panel = page.locator("#panel .text-panel")
    panel.evaluate("panel => panel.dispatchEvent(new CustomEvent('hold', {detail: {part: 'text', index: 2}}))")
    page.wait_for_function("() => document.querySelector('#panel .text-panel').dataset.selected === 'text.2'")
    assert panel.locator(".box.locked").is_visible()
    assert "character 3 of 3: e" in panel.locator(".description").inner_text()
    panel.evaluate("panel => panel.dispatchEvent(new CustomEvent('hold', {detail: {part: 'text', index: 3}}))")
    page.wait_for_timeout(150)
    assert panel.get_attribute("data-selected") == "text.2"  # there is no fourth
