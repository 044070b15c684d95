"""Outputs recorded at commit e62cb47, before the package was divided into rooms: they stay what they were."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from golden_outputs import gather

RECORDED = json.loads((Path(__file__).parent / "golden_outputs.json").read_text())
NOT_NUMBERS = ("text", "prompt")  # a text that happens to read "1" is still a text


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return gather()


def same(one: Any, other: Any) -> bool:
    """Equal to the byte, but for the last digits of numbers: processors round sums differently."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(
            one[key] == other[key] if key in NOT_NUMBERS else same(one[key], other[key]) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one == other or same_figures(one.split(), other.split())
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)
    return type(one) is type(other) and one == other


def same_figures(one: list[str], other: list[str]) -> bool:
    """Numbers written out as text: they may differ by one in the last digit that is shown."""
    try:
        pairs = [(a, float(a.replace(",", "")), float(b.replace(",", ""))) for a, b in zip(one, other, strict=True)]
    except ValueError:
        return False
    # Bits near 0 are those of a probability near 1, of which float32 keeps seven digits.
    step = (max(1e-5, 1.01 * 10.0 ** -len(a.partition(".")[2])) for a, _, _ in pairs)
    return all(math.isclose(x, y, rel_tol=1e-4, abs_tol=most) for (_, x, y), most in zip(pairs, step, strict=True))


@pytest.mark.no_cover  # long, and its lines are covered by others
def test_nothing_is_missing(now: dict[str, Any]) -> None:
    assert list(now) == list(RECORDED)
    assert sum(name.startswith("text ") for name in RECORDED) == 20


@pytest.mark.parametrize("name", RECORDED)
def test_the_output_is_what_it_was(name: str, now: dict[str, Any]) -> None:
    assert same(RECORDED[name], now[name])


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ([1, "x"], [1, "y"], False),
        (0.123456, 0.12346, True),
        (0.1234, 0.1244, False),
        (1, True, False),
        ("2.57 3.1", "2.58 3.1", True),
        ("2.57", "2.60", False),
        ("1,234", "1,235", True),
        ({"text": "1"}, {"text": "2"}, False),
        ("thou", "thee", False),
    ],
)
def test_what_counts_as_the_same(one: Any, other: Any, equal: bool) -> None:
    """A comparison that passed everything would make the tests above worthless."""
    assert same(one, other) is equal
