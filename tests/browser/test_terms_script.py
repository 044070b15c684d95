"""Explained words on a small page: hover, tap, key, the edges of the window, and the list of all."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from nanogpt.playground.terms import read_terms, terms_head

pytestmark = pytest.mark.browser

TERMS = read_terms()
BODY = """
<p><span id="bits" data-term="bits">bits</span> <span id="unknown" data-term="constructor">x</span></p>
<label><span id="heat" data-term="temperature">Temperature</span> <input id="number" type="number"></label>
<label>Beginning <textarea id="area"></textarea></label>
<fieldset><legend><span data-term="seed">Seed</span></legend><input id="radio" type="radio"></fieldset>
<button id="cut" aria-describedby="why"><span data-term="cut">cut</span></button><p id="why">why</p>
<button id="words">Words</button>
<p style="position: fixed; right: 0; bottom: 0; margin: 0"><span id="edge" data-term="top-p">p</span></p>
"""


@pytest.fixture(params=[1280, 320])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Wide and narrow, for mouse and touch; script errors fail."""
    page = browser.new_page(viewport={"width": request.param, "height": 500}, has_touch=True)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(f"<!doctype html><head>{terms_head()}</head><body>{BODY}</body>")
    yield page
    page.close()
    assert not errors


def says(page: Page, word: str) -> None:
    """The popover is open, inside the window, and explains the word."""
    bubble = page.locator("#term")
    bubble.wait_for(state="visible")
    assert bubble.inner_text().split("\n") == [word, TERMS[word]]
    box, size = bubble.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    assert min(box["x"], box["y"]) >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] + box["height"] <= size["height"]


def closed(page: Page) -> bool:
    return page.locator("#term:popover-open").count() == 0


def test_a_pointer_that_rests_on_a_word_opens_it_and_may_move_onto_it(page: Page) -> None:
    page.locator("#bits").hover()
    says(page, "bits")
    page.locator("#term").hover()
    page.wait_for_timeout(500)
    says(page, "bits")
    page.locator("#words").hover()
    page.locator("#term").wait_for(state="hidden")
    page.locator("#edge").hover()
    says(page, "top-p")
    page.keyboard.press("Escape")
    assert closed(page)


def test_a_word_without_an_explanation_opens_nothing(page: Page) -> None:
    page.locator("#unknown").hover()
    page.wait_for_timeout(500)
    assert closed(page)


def test_a_tap_explains_and_does_not_enter_the_control(page: Page) -> None:
    page.locator("#heat").tap()
    says(page, "temperature")
    assert page.evaluate("document.activeElement === document.body")
    page.locator("#bits").tap()
    says(page, "bits")
    page.locator("#bits").tap()
    assert closed(page)
    page.locator("#cut").tap()  # a button keeps its tap
    assert closed(page)
    page.locator("#edge").tap()
    says(page, "top-p")
    page.mouse.click(5, 300)
    assert closed(page)


@pytest.mark.parametrize(("control", "word"), [("number", "temperature"), ("radio", "seed"), ("cut", "cut")])
def test_a_question_mark_explains_the_control_with_the_focus(control: str, word: str, page: Page) -> None:
    page.locator(f"#{control}").focus()
    page.keyboard.press("?")
    says(page, word)
    assert page.locator("#term-spoken").inner_text() == f"{word}: {TERMS[word]}"
    described = page.locator(f"#{control}").get_attribute("aria-describedby")
    assert described == ("why" if control == "cut" else "term")
    page.keyboard.press("Escape")
    assert closed(page)
    assert page.locator(f"#{control}").get_attribute("aria-describedby") == ("why" if control == "cut" else None)
    page.keyboard.press("?")
    page.keyboard.press("Tab")
    assert closed(page)


def test_a_question_mark_is_written_where_text_is_typed(page: Page) -> None:
    page.keyboard.press("?")  # nothing has the focus
    page.locator("#area").focus()
    page.keyboard.press("?")
    assert page.locator("#area").input_value() == "?"
    assert closed(page)


def test_words_are_no_tab_stops(page: Page) -> None:
    assert page.evaluate("Array.from(document.querySelectorAll('[data-term]'), (node) => node.tabIndex)") == [-1] * 6


def test_the_list_holds_every_word_and_closes_by_key(page: Page) -> None:
    page.locator("#words").focus()
    page.keyboard.press("Enter")
    glossary = page.locator("#glossary")
    assert page.get_by_role("dialog", name="Words of this page").is_visible()
    rows = glossary.locator("dl > div")
    told = rows.evaluate_all("rows => rows.map((row) => Array.from(row.children, (part) => part.textContent))")
    assert told == [list(pair) for pair in TERMS.items()]
    assert glossary.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert glossary.get_by_role("button", name="Close").evaluate("node => node === document.activeElement")
    page.keyboard.press("Escape")
    assert not glossary.is_visible()
    assert page.locator("#words").evaluate("node => node === document.activeElement")
    page.locator("#words").click()
    glossary.get_by_role("button", name="Close").click()
    assert page.locator("#glossary").count() == 1
    assert not glossary.is_visible()
