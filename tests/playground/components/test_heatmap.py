"""What a heatmap is given to draw."""

import base64
import json

import numpy as np
import pytest

from nanogpt.playground.components.heatmap import heatmap_message, heatmap_value


def test_the_lower_triangle_is_sent_row_by_row() -> None:
    weights = np.arange(9, dtype=np.float64).reshape(3, 3)
    value = json.loads(json.dumps(heatmap_value("abc", weights, "Head 1", "GPT")))
    sent = np.frombuffer(base64.b64decode(value.pop("weights")), "<f4")
    assert sent.tolist() == [0, 3, 4, 6, 7, 8]  # not 1, 2 and 5: the future
    assert value == {"characters": ["a", "b", "c"], "title": "Head 1", "subtitle": "GPT", "message": ""}


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (3,), (1, 3, 3)])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"weights must have the shape \(3, 3\) of 3 characters; got \("):
        heatmap_value("abc", np.zeros(shape), "Head 1")


def test_a_message_stands_in_place_of_the_map() -> None:
    said = heatmap_message("No attention.", "Title", "GPT")
    assert said == {"characters": [], "weights": "", "title": "Title", "subtitle": "GPT", "message": "No attention."}
