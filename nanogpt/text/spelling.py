"""A text as one vocabulary spells it, with a notice of everything that was changed. Knows the tokenizer only."""

import warnings
from dataclasses import dataclass
from typing import TypeVar

from nanogpt.text.tokenizer import CharTokenizer, describe_unknown


@dataclass(frozen=True)
class Spelling:
    """`text` without the characters that the vocabulary lacks, its `ids`, and `notices` for the person who gave it."""

    text: str
    ids: list[int]
    notices: list[str]


S = TypeVar("S", bound=Spelling)


def spell(text: object, tokenizer: CharTokenizer) -> Spelling:
    """Read a text of any length. Raises ValueError for what is not a string or not valid Unicode."""
    known, unknown = tokenizer.split_unknown(text)
    return Spelling(known, tokenizer.encode(known), [describe_unknown(unknown)] if unknown else [])


def with_warnings(given: object, read: S) -> S:
    """`read`, after a UserWarning for each of its notices, at the caller of the caller of this function.

    Whoever gives a text that is already read has its notices, so no warning is issued then.
    """
    if not isinstance(given, Spelling):
        for notice in read.notices:
            warnings.warn(notice, stacklevel=3)
    return read
