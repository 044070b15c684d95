"""Checks of values that people give: every error names the field, the value and the allowed range.

Sampling parameters, model configs and training configs are dataclasses whose fields are made by `option`. The range
of a value is written once, beside its field, so the page, the API and the command line refuse the same values with the
same message.
"""

from collections.abc import Collection
from dataclasses import MISSING, Field, field, fields
from typing import Any

MARKUP = {ord(c): f"\\x{ord(c):02x}" for c in "<>&"}


def shown(value: object, most: int = 40) -> str:
    """A short, printable form of an untrusted value for an error message, which a page may show as markup."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except ValueError:  # Python refuses to print an integer of more than 4,300 digits
        text = "a number of thousands of digits"
    text = ascii(text[: most + 1])[1:-1].translate(MARKUP)
    return text if len(text) <= most else text[:most] + "…"


def shortened(text: str, most: int = 500) -> str:
    """A message in one printable line of at most `most` characters, whatever untrusted text stands in it."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: most + 1])
    return text if len(text) <= most else text[: most - 1] + "…"


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


def shorter_than(field: str, text: str, most: int) -> str:
    """Return `text` if it has at most `most` characters; raise ValueError otherwise."""
    if len(text) > most:
        raise ValueError(f"{field} is {len(text):,} characters; the limit is {most:,}.")
    return text


def option(
    default: Any = MISSING,
    help: str = "",
    low: float | None = None,
    high: float | None = None,
    *,
    above: bool = False,
    choices: Collection[str] = (),
    title: str = "",
    metavar: str = "",
) -> Any:
    """A field of a config: its default, the line that `--help` shows, and its allowed range or words.

    Args:
        low, high: the range of a number, both ends allowed; with `above`, `low` itself is not.
        choices: the allowed words.
        title: what messages call the field; its name unless given.
        metavar: what `--help` calls the value; from the field's name unless given.
    """
    metadata = {"help": help, "low": low, "high": high, "above": above, "choices": choices}
    metadata |= {"title": title, "metavar": metavar}
    return field(default=default, metadata=metadata)


def check_fields(config: Any) -> None:
    """Check every field of a frozen dataclass from its `__post_init__`. A 3.0 that came as JSON becomes a 3.

    Raises ValueError with the field, the value and the allowed range.
    """
    for f in fields(config):
        object.__setattr__(config, f.name, checked(f, getattr(config, f.name)))


def checked(f: "Field[Any]", value: Any) -> Any:
    """Return `value` as the type of a field made by `option`. Raises ValueError if the field does not allow it."""
    title, low, high = f.metadata.get("title") or f.name, f.metadata.get("low"), f.metadata.get("high")
    if f.metadata.get("choices"):
        return one_of(title, value, f.metadata["choices"])
    if f.type is bool:
        return flag(title, value)
    if f.type is int:
        return whole(title, value, low, high)  # type: ignore[arg-type]  # a number without a range is our own mistake
    if f.type is float:
        return number(title, value, low, high, above=f.metadata["above"])  # type: ignore[arg-type]
    if f.type == tuple[str, ...]:
        return tuple(map(str, value))
    return value
