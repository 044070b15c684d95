"""What a curve is given to draw."""

import json
import math
from typing import Any

import pytest
from blocks import in_blocks

from nanogpt.playground.components.curve import curve, curve_message, curve_value

BITS = {16: 2.31, 1: 3.5, 256: 1.9}


def test_points_are_in_order_and_the_current_one_has_its_bits() -> None:
    value = json.loads(json.dumps(curve_value(BITS, [("<Bigram>", 3.6, 1)], 16)))
    assert value == {
        "points": [[1, 3.5], [16, 2.31], [256, 1.9]], "marks": [["<Bigram>", 3.6, 1]], "now": 16, "bits_now": 2.31,
        "message": "",
    }  # fmt: skip


@pytest.mark.parametrize(("now", "given", "found"), [(0, None, 1.9), (7, None, None), (7, 2.6, 2.6), (16, 2.5, 2.5)])
def test_the_current_context_need_not_be_measured(now: int, given: Any, found: Any) -> None:
    value = curve_value(BITS, (), now, given)
    assert (value["now"], value["bits_now"]) == (now or 256, found)


@pytest.mark.parametrize(
    "arguments",
    [({},), ({0: 1.0},), (BITS, (), -1), ({1: math.nan},), (BITS, [("x", math.inf, 1)]), (BITS, (), 1, math.nan)],
)
def test_what_cannot_be_drawn_is_refused(arguments: Any) -> None:
    with pytest.raises(ValueError, match="context must|bits must"):
        curve_value(*arguments)


def test_a_message_stands_in_place_of_the_curve() -> None:
    said = curve_message("No figures.")
    assert list(said) == list(curve_value(BITS))
    assert (said["message"], said["points"]) == ("No figures.", [])


def test_a_choice_can_be_listened_to() -> None:
    in_blocks(lambda: curve("c", "C").choose(print))
