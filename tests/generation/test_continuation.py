"""Prompts continued to text: the steps and the beams, decoded; refusals at the call."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nanogpt.generation.beam import beam_search
from nanogpt.generation.continuation import MAX_BEAM, generate, stream
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel

KINDS = ("bigram", "trigram", "mlp", "self_attention", "gpt")


@pytest.mark.parametrize("kind", KINDS)
def test_the_stream_is_the_steps_decoded(kind: str, text_model: Callable[..., TextModel]) -> None:
    loaded, settings = text_model(kind), {"temperature": 1, "top_k": 5, "max_new_tokens": 20, "seed": 3}
    steps = generate_steps(loaded.model, loaded.tokenizer.encode("abc"), SamplingParams(**settings))
    expected = [loaded.tokenizer.chars[step.id] for step in steps]
    assert list(stream(loaded, "abc", **settings)) == expected
    assert generate(loaded, "abc", **settings) == "".join(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_beam_is_written_at_once(kind: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(kind)
    *_, best = beam_search(loaded.model, loaded.tokenizer.encode("abc"), 3, 12)
    assert list(stream(loaded, "abc", beam=3, max_new_tokens=12)) == [loaded.tokenizer.decode(best.ids)]


def test_a_draft_changes_no_text(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    drafted = replace(loaded, draft=text_model("mlp").model)
    assert generate(drafted, "abc", max_new_tokens=60) == generate(loaded, "abc", max_new_tokens=60)


@pytest.mark.parametrize(
    ("prompt", "settings", "message"),
    [
        ("a", {"temperature": 3}, "Temperature must be a number from 0 to 2; got 3"),
        ("a", {"top_p": 0}, "Top-p must be"),
        ("a", {"seed": -1}, "Seed must be"),
        ("a", {"max_new_tokens": 2001}, "Number of characters must be"),
        ("a", {"beam": MAX_BEAM + 1}, "Beam width must be a whole number from 0 to 8; got 9"),
        ("a", {"beam": -1}, "Beam width must be"),
        ("a" * 2001, {}, "the limit is 2,000"),
        (None, {}, "must be a string"),
    ],
)
def test_refusals_come_at_the_call(
    prompt: Any, settings: dict[str, Any], message: str, text_model: Callable[..., TextModel]
) -> None:
    """Not at the first character, which nobody may ever ask for."""
    with pytest.raises(ValueError, match=message):
        stream(text_model("gpt"), prompt, **settings)


def test_an_unknown_setting_is_named(text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(TypeError, match="temprature"):
        stream(text_model("gpt"), "a", temprature=1)


@pytest.mark.parametrize("prompt", ["", "aXb", "a" * 30])
@pytest.mark.parametrize("function", [stream, generate])
def test_a_changed_prompt_is_continued_with_a_warning(
    function: Callable[..., Any], prompt: str, text_model: Callable[..., TextModel]
) -> None:
    loaded = text_model("gpt", block_size=24)
    read = loaded.read_prompt(prompt)
    with pytest.warns(UserWarning, match="left out|newline|fit") as warned:
        text = "".join(function(loaded, prompt, max_new_tokens=5))
    assert [str(w.message) for w in warned] == read.notices
    assert {w.filename for w in warned} == {__file__}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "".join(function(loaded, read, max_new_tokens=5)) == text
