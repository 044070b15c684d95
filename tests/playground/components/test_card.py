"""What a card is given to draw."""

import base64
import json
import math
from typing import Any

import numpy as np
import pytest

from nanogpt.playground.components.card import WAYS, card_message, card_value, cards_value, packed_draws


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


NO_DRAWS = packed_draws([], [], [], [], [], [], [])


def side(**values: Any) -> dict[str, Any]:
    given = {"own": 0, "others": [], "prompt": "", "text": "", "vocabulary": "ab"}
    return {**given, "draws": {"prompt": NO_DRAWS, "text": NO_DRAWS}, **values}


def test_draws_travel_as_numbers_of_two_and_four_bytes() -> None:
    logs = np.log([[0.5, 0.3, 0.2], [0.9, 0.1, 0.1]])
    kept = np.log([[0.625, 0.375, 1], [1, 1, 1]])
    kept[0, 2] = kept[1, 1] = kept[1, 2] = -np.inf
    draws = packed_draws([[1, 0, 2], [2, 1, 1]], [3, 2], logs - 1, logs, kept, [[7.0, 8, 9], [4, 5, 6]], logs[None] - 2)
    assert (draws["count"], draws["columns"]) == (2, 3)
    whole = np.frombuffer(base64.b64decode(draws["whole"]), "<u2")
    assert whole.tolist() == [1, 0, 2, 2, 1, 1, 3, 2, 0b100, 0b110]
    real = np.frombuffer(base64.b64decode(draws["real"]), "<f4").tolist()
    gained = [math.log(0.625 / 0.5), math.log(1 / 0.9)]
    parts = (logs - 1, logs, gained, logs - 2, [7, 8, 9, 4, 5, 6])
    assert real == pytest.approx(np.concatenate([np.ravel(x) for x in parts]).tolist())
    assert NO_DRAWS == {"count": 0, "columns": 0, "whole": "", "real": ""}


@pytest.mark.parametrize(("ids", "rank"), [([[65_536]], [1]), ([[1]], [65_536]), ([[0] * 17], [1])])
def test_numbers_that_would_not_fit_are_refused(ids: list[list[int]], rank: list[int]) -> None:
    zeros = np.zeros((1, len(ids[0])))
    with pytest.raises(ValueError, match="must fit 16 bits"):
        packed_draws(ids, rank, zeros, zeros, zeros, [], [])


def test_a_run_holds_what_is_drawn_and_nothing_else() -> None:
    value = cards_value(3, 0.8, "sample", [("GPT", 5)], [side(model="gpt")])
    assert value["sides"] == [side()]
    assert value["models"] == [["GPT", 5]]
    assert json.loads(json.dumps(value)) == value
    assert cards_value()["sides"] == []


def test_what_does_not_belong_together_is_refused() -> None:
    assert [cards_value(method=way)["method"] for way in WAYS] == list(WAYS)
    with pytest.raises(ValueError, match="method must be one of sample, greedy, beam; got 'x'"):
        cards_value(method="x")
    with pytest.raises(ValueError, match="draws must hold 2 characters of the text; got 0"):
        cards_value(sides=[side(text="ab")])
