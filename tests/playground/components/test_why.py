"""What the view of the reasons is given to draw."""

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch

from nanogpt.playground.components.why import dependence_value, why_message, why_value

T, P, R, V = 3, 4, 2, 5
CHARS = "a<\n"
VOCABULARY = "\n<ab🙂"


def given(**changed: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "ids": torch.tensor([2, 1, 0]), "next": torch.tensor([1, 0, 4]), "rival": torch.tensor([3, 3, 2]),
        "difference": torch.tensor([1.5, -2, 0.25]), "sources": ["input", "1.1", "1.mlp", "rest"],
        "votes": torch.arange(12.0).view(T, P), "after": ["input", "1"],
        "guess": torch.tensor([[0, 1], [2, 3], [4, 0]]), "guess_p": torch.full((T, R), 0.5),
        "next_p": torch.full((T, R), 0.25),
    }  # fmt: skip
    return {**values, **changed}


def value(**changed: Any) -> dict[str, Any]:
    return why_value(list(CHARS), list(VOCABULARY), **given(**changed))


def numbers(text: str, dtype: str) -> list[float]:
    return np.frombuffer(base64.b64decode(text), dtype).tolist()


def test_characters_travel_as_text_and_numbers_in_base64() -> None:
    found = json.loads(json.dumps(value()))
    assert (found["chars"], found["vocabulary"], found["message"]) == (CHARS, VOCABULARY, "")
    assert (found["sources"], found["after"]) == (["input", "1.1", "1.mlp", "rest"], ["input", "1"])
    assert numbers(found["whole"], "<u2") == [1, 0, 4, 3, 3, 2, 0, 1, 2, 3, 4, 0]
    assert numbers(found["real"], "<f4") == [1.5, -2, 0.25, *range(12), *[0.5] * 6, *[0.25] * 6]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"next": [0, 1]}, r"next must have the shape \(3,\); got \(2,\)"),
        ({"votes": np.zeros((T, 3))}, r"votes must have the shape \(3, 4\); got \(3, 3\)"),
        ({"guess": np.zeros((R, T), int)}, r"guess must have the shape \(3, 2\)"),
        ({"rival": [0, 1, 65_536]}, "rival must be from 0 to 65535; got 0 to 65536"),
        ({"next": [-1, 0, 0]}, "next must be from 0"),
        ({"ids": [2, 1, 1]}, "ids must be those of the 3 characters"),
    ],
)
def test_what_does_not_belong_together_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        value(**changed)


def test_a_message_stands_in_place_of_the_reasons() -> None:
    said = why_message("The bigram has no layers.")
    assert list(said) == list(value())
    assert (said["message"], said["chars"], said["real"]) == ("The bigram has no layers.", "", "")
    assert json.loads(json.dumps(said)) == said


def test_what_depends_on_a_part_travels_part_by_part() -> None:
    p, choice = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], [[0, 1, 2], [3, 4, 0]]
    found = json.loads(json.dumps(dependence_value(["1.1", "1.mlp"], torch.tensor(p), choice)))
    assert (found["parts"], found["count"]) == (["1.1", "1.mlp"], 3)
    assert numbers(found["whole"], "<u2") == [0, 1, 2, 3, 4, 0]
    assert numbers(found["real"], "<f4") == pytest.approx([*p[0], *p[1]])
    written = dependence_value(["1.1", "1.mlp"], p, choice, [4, 4, 1])
    assert numbers(written["whole"], "<u2") == [0, 1, 2, 3, 4, 0, 4, 4, 1]


def test_what_depends_on_other_parts_or_positions_is_refused() -> None:
    with pytest.raises(ValueError, match=r"choice must have the shape \(1, 2\); got \(2, 2\)"):
        dependence_value(["1.1"], [[0.1, 0.2]], [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match=r"next_p must have the shape \(1, 2\); got \(1, 1\)"):
        dependence_value(["1.1"], [[0.1]], [[0, 1]])
    with pytest.raises(ValueError, match="written must have the shape"):
        dependence_value(["1.1"], [[0.1]], [[0]], [1, 2])
