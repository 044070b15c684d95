"""One checker: the field, the value, the allowed range."""

import math
from dataclasses import dataclass, fields
from typing import Any

import pytest

from nanogpt import checks
from nanogpt.checks import check_fields, checked, option

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


@dataclass(frozen=True)
class Settings:
    rate: float = option(0.5, "how fast", 0, 1, above=True)
    count: int = option(3, "how many", 1, 9, title="Number of things")
    kind: str = option("a", choices=("a", "b"))
    loud: bool = False
    names: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        check_fields(self)


def test_the_defaults_pass_their_own_checks() -> None:
    assert (Settings().rate, Settings().count, Settings().kind, Settings().loud) == (0.5, 3, "a", False)


def test_each_field_becomes_its_type() -> None:
    """As values come from JSON: a 3.0 for a whole number, a list for a tuple."""
    settings = Settings(rate=1, count=4.0, names=["x", 1])  # type: ignore[arg-type]
    assert [type(v) for v in (settings.rate, settings.count, settings.names)] == [float, int, tuple]
    assert settings.names == ("x", "1")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 0}, "rate must be a number above 0 and at most 1; got 0"),
        ({"rate": "fast"}, "rate must be a number"),
        ({"count": 0}, "Number of things must be a whole number from 1 to 9; got 0"),
        ({"count": 2.5}, "Number of things must be"),
        ({"kind": "c"}, "kind must be one of a, b; got c"),
        ({"loud": 1}, "loud must be true or false"),
    ],
)
def test_a_field_refuses_what_its_option_does_not_allow(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**values)


def test_an_option_says_what_help_shows() -> None:
    rate, count, *_ = fields(Settings)
    assert (rate.metadata["help"], rate.default) == ("how fast", 0.5)
    assert (count.metadata["low"], count.metadata["high"], count.metadata["title"]) == (1, 9, "Number of things")
    assert checked(count, 9.0) == 9
