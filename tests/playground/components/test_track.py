"""What a track is given to draw."""

import json
import math
from typing import Any

import pytest

from nanogpt.playground.components.track import track_message, track_value


def value(bits: Any = ((1, 2.5), (3, 4)), characters: Any = ("a", "🙂")) -> dict[str, Any]:
    return track_value("Saved", "above the line", ("GPT", "Bigram"), bits, characters, 2, (5, 1))


def test_numbers_and_characters_travel_as_strings() -> None:
    assert json.loads(json.dumps(value())) == {
        "title": "Saved",
        "lead": "above the line",
        "names": ["GPT", "Bigram"],
        "bits": ["1 2.5", "3 4"],
        "characters": "a🙂",
        "side": 2,
        "colours": [5, 1],
        "message": "",
    }
    assert value(bits=((math.inf, 1), (math.nan, 1)))["bits"] == ["inf 1", "nan 1"]


@pytest.mark.parametrize(
    ("bits", "characters"),
    [(((1,), (3, 4)), "ab"), (((1, 2), (3,)), "ab"), (((1, 2), (3, 4)), "abc"), (((1, 2), (3, 4)), ["a", "bc"])],
)
def test_there_is_one_number_per_character_and_model(bits: Any, characters: Any) -> None:
    with pytest.raises(ValueError, match="characters must be single and bits one number for each"):
        value(bits, characters)


def test_without_characters_there_is_a_message() -> None:
    assert value(((), ()), "")["message"] == "There is no text yet."
    said = track_message("Choose two models.", "Title")
    assert (said["message"], said["title"], said["characters"]) == ("Choose two models.", "Title", "")
    assert list(said) == list(value())
