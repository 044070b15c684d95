"""The curve on a page of its own: its points are the given ones, and choosing one tells Python."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import gradio as gr
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from small_page import add_buttons, press, served, visited

from nanogpt.playground.components.curve import curve, curve_message, curve_value

pytestmark = pytest.mark.browser

BITS = {1: 3.42, 2: 2.81, 4: 2.44, 8: 2.22, 16: 2.07, 32: 1.98, 64: 1.93, 128: 1.9, 256: 1.89}
MARKS = [("Bigram", 3.46, 1), ("<b>Trigram</b>", 2.86, 2), ("MLP", 2.84, 3)]
STATES: dict[str, dict[str, Any]] = {
    "usual": curve_value(BITS, MARKS, 16),
    "between": curve_value(BITS, MARKS, 100),
    "one": curve_value({1: 3.46}),
    "message": curve_message("No figures are stored."),
}
chosen: list[int] = []


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    def choose(event: gr.EventData) -> None:
        chosen.append(event.context)

    with gr.Blocks(analytics_enabled=False) as app:
        with gr.Column(elem_id="place"):
            view = curve("curve", "Bits by context")
        view.choose(choose, None, None, queue=False)
        add_buttons(view, STATES)
    with served(app, "#place { width: 340px; max-width: 340px; }") as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, "#curve .message:not(:empty)", viewport={"width": 900, "height": 900}) as page:
        chosen.clear()
        yield page


def show(page: Page, name: str) -> None:
    press(page, name)
    page.wait_for_timeout(300)


def now(page: Page) -> str:
    return page.locator("#curve .now").inner_text()


def test_each_measured_point_is_read_and_drawn_where_it_belongs(page: Page) -> None:
    show(page, "usual")
    assert now(page) == "16 characters: 2.07 bits"
    points = page.locator("#curve .point")
    for i, (n, bits) in enumerate(BITS.items()):
        points.nth(i).hover()
        assert now(page) == f"{n} character{'s' if n > 1 else ''}: {bits:.2f} bits"
        assert points.nth(i).get_attribute("aria-label") == now(page)
        assert points.nth(i).get_attribute("aria-current") == str(n == 16).lower()
    page.mouse.move(0, 0)
    assert now(page) == "16 characters: 2.07 bits"
    dots = page.evaluate(
        "Array.from(document.querySelectorAll('#curve .dot'), (d) => [d.cx, d.cy].map((v) => v.baseVal.value))"
    )
    steps = [right[0] - left[0] for left, right in pairwise(dots)]
    assert steps == pytest.approx([steps[0]] * 8)  # each is twice the one before
    scale = (dots[-1][1] - dots[0][1]) / (BITS[1] - BITS[256])
    assert [y for _, y in dots] == pytest.approx([dots[0][1] + scale * (BITS[1] - b) for b in BITS.values()], abs=0.1)


def test_marks_are_named_without_overlap(page: Page) -> None:
    show(page, "usual")
    names = page.locator("#curve .name")
    assert names.all_text_contents() == ["Bigram 3.46", "<b>Trigram</b> 2.86", "MLP 2.84"]
    heights = [float(names.nth(i).get_attribute("y") or 0) for i in range(3)]
    assert all(below - above >= 12 for above, below in pairwise(heights))
    assert page.locator("#curve b").count() == 0


def test_a_click_or_enter_chooses_a_point(page: Page) -> None:
    show(page, "usual")
    points = page.locator("#curve .point")
    points.nth(6).click()
    page.wait_for_timeout(300)
    assert chosen == [64]
    page.locator("#usual").focus()
    page.keyboard.press("Shift+Tab")
    assert now(page) == "64 characters: 1.93 bits"
    for key, said in (
        ("ArrowLeft", "32 ch"),
        ("Home", "1 ch"),
        ("ArrowLeft", "1 ch"),
        ("End", "256"),
        ("ArrowRight", "256"),
    ):
        page.keyboard.press(key)
        assert now(page).startswith(said)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert chosen == [64, 256]


def test_the_current_context_may_lie_between_or_be_the_only_one(page: Page) -> None:
    show(page, "between")
    assert now(page) == "100 characters"
    assert page.locator("#curve .here").count() == 0
    show(page, "one")
    assert now(page) == "1 character: 3.46 bits"
    show(page, "message")
    assert page.locator("#curve .message").inner_text() == "No figures are stored."
    assert not page.locator("#curve .shown").is_visible()


def test_it_fits_and_nothing_is_amiss_for_those_who_cannot_see(page: Page) -> None:
    show(page, "usual")
    box = page.locator("#curve .curve").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (340, pytest.approx(190, abs=15))
    page.locator("#curve .point").nth(7).hover()  # the longest reading
    assert page.locator("#curve .curve").bounding_box() == box
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        found = Axe().run(page, context="#curve").response["violations"]
        assert not [violation["id"] for violation in found]
