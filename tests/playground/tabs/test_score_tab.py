"""A visitor's own text under two models."""

from typing import Any

import gradio as gr
import pytest
from blocks import in_blocks

from nanogpt.analysis.score import score
from nanogpt.playground.limits import MAX_SCORED
from nanogpt.playground.page import Page
from nanogpt.playground.tabs.score_tab import LINES, build_score, judge
from nanogpt.storage.zoo import Zoo


def test_the_totals_are_the_score_s(zoo: Zoo) -> None:
    for line in LINES:
        one, two, saved = judge(zoo, line, "bigram", "gpt")
        for panel, name in ((one, "bigram"), (two, "gpt")):
            found = score(zoo.get(name), line)
            assert panel["text"] == found.text == line
            assert [unit == "bits in all" for *_, unit in panel["stats"]][-1]
            assert panel["stats"][-1][1] == f"{found.total:,.1f}"
        assert saved["names"] == ["GPT", "Bigram"]


def test_what_is_left_out_is_named(zoo: Zoo) -> None:
    one, _, _ = judge(zoo, "To 🙂 be", "bigram", "gpt")
    assert "U+1F642" in one["notice"]


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        ("", ("bigram", "gpt"), "no character that the model knows"),
        ("a" * (MAX_SCORED + 1), ("bigram", "gpt"), "Text to score is 2,001 characters; the limit is 2,000."),
        (None, ("bigram", "gpt"), "Text must be a string"),
        ("a", ("bigram", "../.."), "Unknown model"),
    ],
)
def test_what_is_refused(text: Any, names: tuple[str, str], message: str, zoo: Zoo) -> None:
    with pytest.raises(gr.Error, match=message):
        judge(zoo, text, *names)


def test_a_link_names_the_text_and_its_judges(zoo: Zoo) -> None:
    def built() -> Page:
        page = Page(zoo)
        with gr.Tab("Score") as tab:
            build_score(page, tab)
        return page

    linked = in_blocks(built).linked
    assert list(linked) == ["score_text", "judge_1", "judge_2"]
    assert linked["score_text"].read("To be\n") == "To be\n"
    assert linked["judge_2"].read("mlp") == "mlp"
    with pytest.raises(ValueError, match="Text to score is 2,001 characters; the limit is 2,000."):
        linked["score_text"].read("a" * (MAX_SCORED + 1))
    with pytest.raises(ValueError, match="Unknown model"):
        linked["judge_1"].read("<b>")
