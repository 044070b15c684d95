"""The one checker of values that people give: it names the field, the value and the allowed range.

Used by sampling parameters, model configs and training configs alike, so that the page, the API and the
command line refuse the same things with the same words.
"""

from collections.abc import Collection

MARKUP = {ord(c): f"\\x{ord(c):02x}" for c in "<>&"}


def shown(value: object, most: int = 40) -> str:
    """A short, printable form of an untrusted value for an error message, which a page may show as markup."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # Python refuses to print an integer of more than 4,300 digits
        text = "a number of thousands of digits"
    text = ascii(text[: most + 1])[1:-1].translate(MARKUP)
    return text if len(text) <= most else text[:most] + "…"


def number(field: str, value: object, low: float, high: float, *, above: bool = False) -> float:
    """Return `value` as a float in [low, high], or in (low, high] with `above`; raise ValueError otherwise."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high  # false for NaN
    if not good or (above and value == low):
        allowed = f"above {low:,g} and at most {high:,g}" if above else f"from {low:,g} to {high:,g}"
        raise ValueError(f"{field} must be a number {allowed}; got {shown(value)}.")
    return float(value)  # type: ignore[arg-type]  # checked above


def whole(field: str, value: object, low: int, high: int) -> int:
    """Return `value` as an int in [low, high]; raise ValueError otherwise. 3.0 is a whole number, True is not."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high  # false for NaN
    if not good or value != int(value):  # type: ignore[call-overload]  # checked above
        raise ValueError(f"{field} must be a whole number from {low:,} to {high:,}; got {shown(value)}.")
    return int(value)  # type: ignore[call-overload]


def flag(field: str, value: object) -> bool:
    """Return `value` if it is True or False; raise ValueError otherwise."""
    if not isinstance(value, bool):
        raise ValueError(f"{field} must be true or false; got {shown(value)}.")
    return value


def one_of(field: str, value: object, allowed: Collection[str]) -> str:
    """Return `value` if it is one of the allowed words; raise ValueError otherwise."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{field} must be one of {', '.join(sorted(allowed))}; got {shown(value)}.")
    return value


def settle(config: object, **values: object) -> None:
    """Put checked values into a frozen dataclass, from its `__post_init__`: a 3.0 that came as JSON becomes a 3."""
    for field, value in values.items():
        object.__setattr__(config, field, value)
