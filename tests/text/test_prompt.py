"""A prompt: whatever can be continued is, with a notice of every change."""

import pytest

from nanogpt.text.prompt import MAX_PROMPT, SHORT_CONTEXT, read_prompt
from nanogpt.text.tokenizer import CharTokenizer

CHARS = CharTokenizer("\nabc")


@pytest.mark.parametrize("text", ["", "abc", "a\r\nb", "XYZ", "aXb", "a" * MAX_PROMPT])
def test_the_ids_are_those_of_the_text_and_never_empty(text: str) -> None:
    read = read_prompt(text, CHARS, 64)
    assert read.ids == (CHARS.encode(read.text) or [CHARS.start_id])


@pytest.mark.parametrize("text", ["", "X", "🙂"])
def test_a_prompt_of_which_nothing_is_left_starts_from_a_newline(text: str) -> None:
    read = read_prompt(text, CHARS, 64)
    assert (read.text, read.ids) == ("", [0])
    assert read.notices[-1] == "The prompt is empty: starting from a newline."
    assert len(read.notices) == 1 + bool(text)


def test_only_what_does_not_fit_is_told() -> None:
    assert read_prompt("a" * 64, CHARS, 64).notices == []
    assert read_prompt("a" * 65, CHARS, 64).notices == ["Only the last 64 of 65 characters fit."]
    assert len(read_prompt("a" * 65, CHARS, 64).ids) == 65  # the reader takes the window


def test_a_model_with_a_short_context_gives_no_such_notice() -> None:
    """It never sees a prompt whole, so the notice would stand under every text."""
    assert read_prompt("a" * 100, CHARS, SHORT_CONTEXT).notices == []
    assert read_prompt("a" * 100, CHARS, SHORT_CONTEXT + 1).notices


def test_the_limit_counts_characters_as_given() -> None:
    with pytest.raises(ValueError, match=r"Prompt is 2,001 characters; the limit is 2,000\."):
        read_prompt("X" * (MAX_PROMPT + 1), CHARS, 64)


@pytest.mark.parametrize("text", [None, 7, ["a"], "\udfff"])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a string|not valid Unicode"):
        read_prompt(text, CHARS, 64)
