"""Score: the page's totals are those of `python -m nanogpt score`."""

import json
from collections.abc import Callable

import pytest
from conftest import Visit
from visitor import choose, idle, open_tab

pytestmark = pytest.mark.browser

TEXT = "Now is the winter of our discontent\nMade glorious summer by this sun of York; 100 €"


def test_totals_are_those_of_the_command_line(visit: Visit, shell: Callable[..., str]) -> None:
    page = visit(characters=10)
    open_tab(page, "Score")
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


def test_the_same_judge_twice_saves_nothing(visit: Visit) -> None:
    page = visit(characters=10)
    open_tab(page, "Score")
    assert "Bits saved by the GPT" in page.locator("#score_saved .title").inner_text()
    choose(page, "judge_1", "GPT")
    assert "Choose two different models" in page.locator("#score_saved .message").inner_text()
