"""One checker: the field, the value, the allowed range."""

import math

import pytest

from nanogpt import checks

HUGE = pytest.param(10**5000, id="huge")  # more digits than Python prints


@pytest.mark.parametrize("value", [-1, 3, math.nan, math.inf, -math.inf, True, "1", None, [], 10**400, HUGE])
def test_number_refuses(value: object) -> None:
    """An integer too large for a float used to raise OverflowError, one too large to print another message."""
    with pytest.raises(ValueError, match=r"^Field must be a number from 0 to 2; got .*\.$"):
        checks.number("Field", value, 0, 2)


@pytest.mark.parametrize("value", [-1, 3, 1.5, math.nan, math.inf, True, "1", None, {}, 10**400])
def test_whole_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"^Field must be a whole number from 0 to 2; got .*\.$"):
        checks.whole("Field", value, 0, 2)


def test_what_is_let_through() -> None:
    assert checks.number("x", 2, 0, 2) == 2.0
    assert checks.whole("x", 2.0, 0, 2) == 2
    assert type(checks.whole("x", 2.0, 0, 2)) is int
    assert checks.flag("x", False) is False
    assert checks.one_of("x", "a", ("a", "b")) == "a"


def test_above_leaves_out_the_lower_end() -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1; got 0"):
        checks.number("x", 0, 0, 1, above=True)


@pytest.mark.parametrize("value", [1, 0, "true", None])
def test_flag_refuses(value: object) -> None:
    with pytest.raises(ValueError, match="x must be true or false"):
        checks.flag("x", value)


@pytest.mark.parametrize("value", ["c", None, ["a"], 1])
def test_one_of_refuses_and_lists(value: object) -> None:
    with pytest.raises(ValueError, match="x must be one of a, b"):
        checks.one_of("x", value, ("b", "a"))


def test_shown_is_short_and_plain() -> None:
    assert checks.shown("a\n\u202eb") == r"a\n\u202eb"
    assert len(checks.shown("x" * 10_000)) < 50
    assert checks.shown("😀" * 100).isprintable()
