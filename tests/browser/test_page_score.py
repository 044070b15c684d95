"""Score: the page's totals are those of `python -m nanogpt score`."""

import json
from collections.abc import Callable

import pytest
from conftest import Visit
from playwright.sync_api import Page
from visitor import choose, idle, open_tab

pytestmark = pytest.mark.browser

TEXT = "Now is the winter of our discontent\nMade glorious summer by this sun of York; 100 €"


@pytest.fixture(scope="module")
def page(visit_of_all: Visit) -> Page:
    """The tab, which the tests leave with other texts and judges."""
    page = visit_of_all(characters=10)
    open_tab(page, "Score")
    return page


def test_totals_are_those_of_the_command_line(page: Page, shell: Callable[..., str]) -> None:
    page.locator("#score_text textarea").fill(TEXT)
    idle(page)
    for side, model in ((1, "bigram"), (2, "gpt")):
        told = json.loads(shell(f"python -m nanogpt score - --model {model} --json", TEXT))
        figures = dict(
            page.locator(f"#judged_{side} .stats > span").evaluate_all(
                "spans => spans.map((s) => [s.lastChild.textContent.trim(), s.querySelector('b').textContent])"
            )
        )
        assert int(figures["characters"]) == told["characters"]
        assert abs(float(figures["bits a character"]) - told["bits_per_char"]) <= 1e-4
        assert abs(float(figures["bits in all"].replace(",", "")) - told["bits"]) <= 0.051
        assert "U+20AC" in page.locator(f"#judged_{side} .notice").inner_text()


def test_the_same_judge_twice_saves_nothing(page: Page) -> None:
    assert "Bits saved by the GPT" in page.locator("#score_saved .title").inner_text()
    choose(page, "judge_1", "GPT")
    assert "Choose two different models" in page.locator("#score_saved .message").inner_text()
    choose(page, "judge_1", "Bigram")


def test_a_link_holds_the_text_and_its_judges(visit: Visit) -> None:
    page = visit(characters=10)
    open_tab(page, "Score")
    page.locator("#score_text textarea").fill("O Romeo\n")
    choose(page, "judge_1", "MLP")
    again = visit(page.url)
    assert again.get_by_role("tab", name="Score").get_attribute("aria-selected") == "true"
    assert again.locator("#score_text textarea").input_value() == "O Romeo\n"
    assert again.locator("#judged_1 .title").inner_text() == "MLP"
    assert again.locator("#judged_2 .text").evaluate("node => node.textContent") == "O Romeo\n"


def test_an_example_is_judged_at_once_and_a_text_that_is_too_long_is_not_cut(page: Page) -> None:
    page.locator("#score_text select").select_option(index=4)
    idle(page)
    assert "quick brown fox" in page.locator("#judged_1 .text").evaluate("node => node.textContent")
    page.locator("#score_text textarea").fill("a" * 2_001)
    idle(page)
    assert page.locator("#score_text textarea").input_value() == "a" * 2_001
    assert page.locator("#score_text .message").inner_text() == "Text may have 2,000 characters; this has 2,001."
    assert "quick brown fox" in page.locator("#judged_1 .text").evaluate("node => node.textContent")
