"""Text ↔ ids."""

import pytest

from nanogpt.text.tokenizer import CharTokenizer, describe_unknown, normalise


def test_round_trip(text: str) -> None:
    tokenizer = CharTokenizer.from_text(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.chars == sorted(set(text))
    assert tokenizer.vocab_size == len(set(text))


def test_every_line_ends_as_lf() -> None:
    assert normalise("a\r\nb\rc\nd\r\n\re") == "a\nb\nc\nd\n\ne"
    tokenizer = CharTokenizer("\nab")
    assert tokenizer.encode("a\r\nb\r") == tokenizer.encode("a\nb\n")


def test_composed_form_is_tried() -> None:
    tokenizer = CharTokenizer("aé")
    assert tokenizer.split_unknown("e\u0301a") == ("éa", [])


def test_text_that_fits_is_left_as_it_is() -> None:
    """A vocabulary with its own combining accent must get it back, not the composed form."""
    tokenizer = CharTokenizer("e\u0301")
    assert tokenizer.split_unknown("e\u0301") == ("e\u0301", [])


def test_unknown_characters_are_left_out_in_order() -> None:
    assert CharTokenizer("ab").split_unknown("xaybx") == ("ab", ["x", "y", "x"])
    assert CharTokenizer("ab").encode("xaybx") == [0, 1]


def test_unknown_characters_are_named_by_code_point() -> None:
    assert describe_unknown([]) == ""
    assert describe_unknown(["🙂"]) == "1 character outside the model's vocabulary left out: U+1F642."
    assert describe_unknown(["é", "<", "é"]).endswith(
        "3 characters outside the model's vocabulary left out: U+00E9, U+003C."
    )


def test_at_most_ten_are_named() -> None:
    sentence = describe_unknown([chr(0x400 + i) for i in range(14)] * 2)
    assert sentence.startswith("28 characters")
    assert sentence.count("U+") == 10
    assert sentence.endswith("and 4 more.")


@pytest.mark.parametrize("text", ["a\ud800", "\udfff"])
def test_lone_surrogate(text: str) -> None:
    with pytest.raises(ValueError, match="not valid Unicode"):
        normalise(text)


@pytest.mark.parametrize("value", [None, 1, b"a", ["a"], {}])
def test_not_a_string(value: object) -> None:
    with pytest.raises(ValueError, match="must be a string"):
        normalise(value)


def test_start_is_a_newline_if_there_is_one() -> None:
    assert CharTokenizer("a\n").start_id == 1
    assert CharTokenizer("ab").start_id == 0


def test_json_round_trip() -> None:
    tokenizer = CharTokenizer("\n é🙂")
    assert CharTokenizer.from_json(tokenizer.to_json()).chars == tokenizer.chars


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "abc",
        {},
        {"type": "bpe", "chars": ["a"]},
        {"type": "char"},
        {"type": "char", "chars": "abc"},
        {"type": "char", "chars": []},
        {"type": "char", "chars": ["a", "a"]},
        {"type": "char", "chars": ["ab"]},
        {"type": "char", "chars": [""]},
        {"type": "char", "chars": ["a", 1]},
        {"type": "char", "chars": [["a"]]},
        {"type": "char", "chars": ["\ud800"]},  # it could be generated, and never printed
    ],
)
def test_from_json_refuses(data: object) -> None:
    with pytest.raises(ValueError):
        CharTokenizer.from_json(data)
