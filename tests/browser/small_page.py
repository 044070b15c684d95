"""A page of Gradio's with the components of one test and nothing else: served, visited, and given states by buttons."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gradio as gr
from playwright.sync_api import Browser, Page

from nanogpt.playground.theme import theme


def add_buttons(views: Any, states: Mapping[str, Any]) -> None:
    """Inside the current Blocks: a button for each state, whose id is its name, that draws it in the views."""
    for name, state in states.items():
        gr.Button(name, elem_id=name).click(lambda state=state: state, None, views, queue=False)


@contextmanager
def served(app: gr.Blocks, css: str = "") -> Iterator[str]:
    """The address of the page, as long as it is served."""
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, enable_monitoring=False, css=css, theme=theme())
    yield url
    app.close()


@contextmanager
def visited(browser: Browser, url: str, ready: str, **context: Any) -> Iterator[Page]:
    """A visit in a profile of its own, once the element `ready` is there. Afterwards no script may have complained."""
    profile = browser.new_context(**context)
    page = profile.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.goto(url)
    page.locator(ready).first.wait_for(state="attached")
    yield page
    profile.close()
    assert not errors


def press(page: Page, name: str) -> None:
    """Press a button of the page, and wait until the server has answered."""
    with page.expect_response(lambda answer: "/run/" in answer.url) as answer:
        page.locator(f"#{name}").dispatch_event("click")  # where the pointer is, and what is in view, stay as they are
    answer.value.finished()
