"""What a visitor sees while waiting, and gets back after a lost connection, a restart, or a reload."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Visit
from opening import counted
from playwright.sync_api import Page
from server import CHECKPOINTS, Server
from visitor import click_character, enter_number, generate, idle, loaded, set_number, texts

pytestmark = pytest.mark.browser


def state(page: Page) -> dict[str, object]:
    """What stands on the page."""
    return {
        "texts": texts(page),
        "prompt": page.locator("#prompt textarea").input_value(),
        "seed": page.locator("#seed input[type=number]").evaluate("box => box.value"),
        "card": page.locator("#card h2").inner_text(),
        "trail": page.locator("#trail option").all_inner_texts(),
        "tab": page.locator("[role=tab][aria-selected=true]").inner_text(),
    }


COVERED = """nodes => nodes.filter((node) => {
  const box = node.getBoundingClientRect();
  return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.closest(".toast-wrap");
}).map((node) => node.outerHTML)"""


def branched(visit: Visit, server: Server) -> Page:
    """A page with a trail of two beginnings, whose last character is held: the branch."""
    page = visit(server.url, characters=60, seed=5)
    click_character(page, 2, next(i for i, c in enumerate(texts(page)[1]) if c.isalpha()))
    page.locator("#card .row").nth(2).click()
    idle(page)
    return page


def test_a_reload_restores_the_page(visit: Visit, server: Server) -> None:
    page = branched(visit, server)
    before = state(page)
    assert len(before["trail"]) == 2  # type: ignore[arg-type]
    assert page.locator("#side_2 .text-panel").get_attribute("data-selected") == f"prompt.{len(before['prompt']) - 1}"  # type: ignore[arg-type]
    page.reload()
    loaded(page)
    assert state(page) == before
    page.goto("about:blank")
    page.go_back()
    loaded(page)
    assert state(page) == before


def test_back_leaves_the_page_at_once(visit: Visit, server: Server) -> None:
    """Every run replaces the address: a visitor who tried ten settings need not press Back ten times."""
    page = visit(characters=20)
    length = page.evaluate("history.length")
    for _ in range(3):
        page.locator("#luck").click()
        idle(page)
    assert page.evaluate("history.length") == length


def test_two_tabs_do_not_disturb_each_other(visit: Visit, server: Server) -> None:
    one, two = visit(characters=40, seed=1), visit(characters=40, seed=2)
    first, second = state(one), state(two)
    generate(one)
    assert state(one) == first
    assert state(two) == second


def rewritten(page: Page, before: list[str]) -> list[str]:
    """The texts of the next run, once it is complete."""
    now = "document.querySelector('#side_2 [data-status=done] .text')?.textContent"
    page.wait_for_function(f"before => {now}?.length === before.length && {now} !== before", arg=before[1])
    loaded(page)
    return texts(page)


def test_a_lost_connection(visit: Visit, server: Server) -> None:
    """Once, the page came back with its defaults and the visitor's work was lost."""
    page = visit(server.url, complains=False, characters=300, seed=5, prompt="JULIET:\n")
    before = texts(page)
    enter_number(page, "seed", 6)
    page.context.set_offline(True)
    page.wait_for_function("document.querySelector('#status p').textContent.includes('connection')")
    page.locator("#generate").click()
    page.wait_for_timeout(1000)
    assert "connection" in page.locator("#status p").inner_text()
    assert all(word not in page.locator("body").inner_text() for word in ("Traceback", "undefined", "NetworkError"))
    page.context.set_offline(False)
    assert rewritten(page, before)[0] != before[0]
    assert page.locator("#seed input[type=number]").evaluate("box => box.value") == "6"
    assert page.locator("#prompt textarea").input_value() == "JULIET:\n"


def test_a_stream_that_died_unnoticed(visit: Visit, server: Server) -> None:
    """Once, the page waited for ever, and so did every later run: Gradio took the stream for open."""
    with counted(server.url) as way:
        page = visit(way.url, complains=False, characters=30, seed=5)
        before = texts(page)
        way.deaf = True
        with page.expect_request("**/queue/data?*"):
            enter_number(page, "seed", 6)
        page.context.set_offline(True)
        way.deaf = False
        page.context.set_offline(False)
        assert rewritten(page, before) == texts(visit(server.url, characters=30, seed=6))
        assert page.locator("#seed input[type=number]").evaluate("box => box.value") == "6"
        page.goto("about:blank")  # closes its connections


def test_a_stream_that_is_closed_late(visit: Visit, server: Server) -> None:
    """Once, what the page had asked meanwhile was never read: on a busy machine a run, or the card after it."""
    with counted(server.url) as way:
        page = visit(way.url, characters=30, seed=5)
        before = texts(page)
        way.late = 2
        set_number(page, "seed", 6)
        way.late = 0
        assert rewritten(page, before) == texts(visit(server.url, characters=30, seed=6))
        page.goto("about:blank")  # closes its connections


def test_a_server_that_starts_again_gives_the_page_back(visit: Visit, start_server: Callable[[Path], Server]) -> None:
    server = start_server(CHECKPOINTS)
    page = visit(server.url, complains=False, characters=60, seed=5)
    before = state(page)
    server.stop()
    page.locator("#luck").click()
    page.locator(".toast-body").wait_for()  # Gradio's message, which once covered Generate
    assert page.locator("#bar").locator("button, input, textarea, select").evaluate_all(COVERED) == []
    server.start()
    page.wait_for_timeout(5000)
    loaded(page)
    assert [len(text) for text in texts(page)] == [60, 60]
    assert state(page)["prompt"] == before["prompt"]


def test_a_short_run_does_not_wait_for_a_long_one(visit: Visit) -> None:
    """Once, a visitor waited until the runs of those who came earlier were complete."""
    page = visit(characters=20)
    before = texts(page)
    long = visit(characters=2000, sides=4, model_1="gpt", model_3="gpt", model_4="gpt", run=False, wait=False)
    long.wait_for_function("document.querySelector('#side_2 .text')?.textContent.length > 50")
    page.locator("#luck").click()
    idle(page)
    assert [len(text) for text in texts(page)] == [20, 20]
    assert texts(page) != before
    assert long.locator("#side_2 [data-status=running]").count() == 1


def test_a_new_run_ends_the_visitors_old_one(visit: Visit) -> None:
    """Once it waited for its end: 2.4 s at 2,000 characters."""
    page = visit(characters=2000, sides=4, model_1="gpt", model_3="gpt", model_4="gpt", run=False, wait=False)
    cancelled: list[str] = []
    page.on("request", lambda request: cancelled.append(request.url) if "/cancel" in request.url else None)
    page.wait_for_function("document.querySelector('#side_2 .text')?.textContent.length > 50")
    page.locator("#more").click()
    page.locator("#length input[type=number]").fill("30")
    page.locator("#length input[type=number]").press("Enter")
    page.wait_for_function("document.querySelector('#side_2 [data-status=done] .text')?.textContent.length === 30")
    assert len(cancelled) == 1
