"""What a card is given to draw."""

import json
import math
from typing import Any

import pytest

from nanogpt.playground.components.card import card_message, card_value


def row(**values: Any) -> dict[str, Any]:
    given = {"char": "a", "raw": 0.5, "tempered": 0.6, "kept": 0.0, "others": [0.1], "chosen": True}
    return {**given, "rank": 3, **values}


def value(**values: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "title": "T", "glyph_char": "a", "after": "bc", "bits": 1.0, "rank": 2, "own": "GPT", "others": ["Bigram"],
        "rows": [row()],
    }  # fmt: skip
    return card_value(**{**given, **values})


def test_a_row_holds_what_is_drawn_and_nothing_else() -> None:
    assert value()["rows"] == [{k: v for k, v in row().items() if k != "rank"}]
    assert value()["message"] == ""


def test_an_infinite_surprise_travels_as_null() -> None:
    assert json.loads(json.dumps(value(bits=math.inf), allow_nan=False))["bits"] is None
    assert value(bits=0.25)["bits"] == 0.25


@pytest.mark.parametrize("others", [[], [0.1, 0.2]])
def test_each_row_needs_one_probability_per_other_model(others: list[float]) -> None:
    with pytest.raises(ValueError, match=rf"others must hold 1 probabilities in each row; got {len(others)}\."):
        value(rows=[row(), row(others=others)])


def test_a_message_stands_in_place_of_the_rows() -> None:
    said = card_message("Choose a character.", "Title")
    assert (said["message"], said["title"], said["rows"]) == ("Choose a character.", "Title", [])
    assert list(said) == list(value())
