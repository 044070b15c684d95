"""A text as a vocabulary spells it, and who is told of what was changed."""

import warnings

import pytest

from nanogpt.text.spelling import Spelling, spell, with_warnings
from nanogpt.text.tokenizer import CharTokenizer

CHARS = CharTokenizer("\nabcé")


@pytest.mark.parametrize("text", ["", "abc", "a\r\nb", "xyz", "ae\u0301", "a🙂b"])
def test_the_text_and_the_ids_are_one(text: str) -> None:
    read = spell(text, CHARS)
    assert CHARS.decode(read.ids) == read.text
    assert spell(read.text, CHARS) == Spelling(read.text, read.ids, [])


def test_a_notice_names_what_was_left_out() -> None:
    assert spell("abc", CHARS).notices == []
    (notice,) = spell("aXbY", CHARS).notices
    assert "2 characters" in notice
    assert "U+0058, U+0059" in notice


@pytest.mark.parametrize("text", [None, 3, b"abc", ["a"], "\ud800"])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a string|not valid Unicode"):
        spell(text, CHARS)


def test_a_warning_for_each_notice_at_the_line_that_asked() -> None:
    def asked(text: object) -> Spelling:
        return with_warnings(text, Spelling("a", [1], ["one", "two"]))

    with pytest.warns(UserWarning, match="one|two") as warned:
        asked("aX")
    assert [(str(w.message), w.filename) for w in warned] == [("one", __file__), ("two", __file__)]


def test_whoever_has_the_notices_is_not_warned() -> None:
    read = spell("aX", CHARS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert with_warnings(read, read) is read
