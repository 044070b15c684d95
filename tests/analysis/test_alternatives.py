"""What else could have stood there: the distributions that characters are drawn from."""

from collections.abc import Callable

import pytest
import torch

from nanogpt.analysis.alternatives import alternatives, logits_after, probability_of, rank_of
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel

KINDS = ("bigram", "trigram", "mlp", "self_attention", "gpt")


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_the_logits_that_generation_used(kind: str, text_model: Callable[..., TextModel]) -> None:
    """At every character of a text that goes past the window, for prompts shorter and longer than it."""
    loaded = text_model(kind)
    for prompt in ("a", "abcdefghijabc"):
        read, text = loaded.read_prompt(prompt), ""
        for step in generate_steps(loaded.model, read.ids, SamplingParams(temperature=1, max_new_tokens=20)):
            assert (logits_after(loaded, read, text) - step.logits).abs().max() <= 1e-4
            text += loaded.tokenizer.chars[step.id]


@pytest.mark.parametrize("settings", [{}, {"temperature": 1.5, "top_k": 3}, {"top_p": 0.5}, {"temperature": 0}])
def test_each_distribution_sums_to_one(settings: dict[str, float], text_model: Callable[..., TextModel]) -> None:
    rows = alternatives(text_model("gpt"), "abc", "de", **settings)
    assert sorted(row.char for row in rows) == sorted("\nabcdefghij")
    for name in ("raw", "tempered", "kept"):
        assert sum(getattr(row, name) for row in rows) == pytest.approx(1)
    assert [row.raw for row in rows] == sorted((row.raw for row in rows), reverse=True)


def test_the_cut_keeps_what_may_be_drawn(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    assert [row.kept > 0 for row in alternatives(loaded, "abc", top_k=3)] == [True] * 3 + [False] * 8
    greedy = alternatives(loaded, "abc", temperature=0)
    assert [row.tempered for row in greedy] == [1.0] + [0.0] * 10
    whole = alternatives(loaded, "abc", temperature=1)
    assert all(row.raw == row.tempered == pytest.approx(row.kept) for row in whole)


def test_the_settings_do_not_touch_the_raw_probabilities(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    raw = probability_of(loaded, "abc", "d")
    for settings in ({"temperature": 0}, {"temperature": 2, "top_k": 2}, {"top_p": 0.3}):
        rows = alternatives(loaded, "abc", "d", **settings)
        assert {row.char: row.raw for row in rows} == pytest.approx(raw)


def test_a_rank_is_a_place_from_1(text_model: Callable[..., TextModel]) -> None:
    rows = alternatives(text_model("gpt"), "abc")
    assert [rank_of(rows, row.char) for row in rows] == list(range(1, 12))


@pytest.mark.parametrize("char", ["é", "", "ab", "<b>"])
def test_a_character_outside_the_vocabulary_is_named(char: str, text_model: Callable[..., TextModel]) -> None:
    """Asking for one used to end in StopIteration."""
    with pytest.raises(ValueError, match="outside the model's vocabulary") as error:
        rank_of(alternatives(text_model("gpt"), "abc"), char)
    assert "<" not in str(error.value)


@pytest.mark.parametrize("function", [alternatives, probability_of])
def test_a_text_that_the_model_cannot_have_written_is_refused(
    function: Callable[..., object], text_model: Callable[..., TextModel]
) -> None:
    """Left out, its characters would shift every place after them."""
    with pytest.raises(ValueError, match=r"gpt could not have written this text\. 1 character .* U\+0058"):
        function(text_model("gpt"), "abc", "aXb")


def test_a_changed_prompt_is_read_with_a_warning(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    with pytest.warns(UserWarning, match="starting from a newline"):
        rows = alternatives(loaded)
    with pytest.warns(UserWarning, match=r"U\+0058"):
        probabilities = probability_of(loaded, "X\n", "")
    assert probabilities == {row.char: row.raw for row in rows}


def test_the_logits_are_whole(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    logits = logits_after(loaded, loaded.read_prompt("abc"), "")
    assert logits.shape == (11,)
    assert logits.dtype == torch.float32
