"""Text ↔ ids, one id per character.

Knows Unicode; knows no model, file or corpus.
"""

import unicodedata
from collections.abc import Iterable


def normalise(text: object) -> str:
    """Return `text` with every line ending as LF: the one form that training, prompts and scoring share.

    Raises:
        ValueError: if `text` is no string or holds a lone surrogate (half of a UTF-16 pair).
    """
    if not isinstance(text, str):
        raise ValueError(f"Text must be a string; got {type(text).__name__}.")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("The text is not valid Unicode: it holds a lone surrogate.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


class CharTokenizer:
    """A vocabulary of single characters; a character's id is its place in `chars`."""

    def __init__(self, chars: Iterable[str]):
        self.chars = list(chars)
        self.ids = {c: i for i, c in enumerate(self.chars)}
        if not self.chars or len(self.ids) != len(self.chars) or any(len(c) != 1 for c in self.chars):
            raise ValueError("The vocabulary must be a non-empty list of distinct single characters.")
        normalise("".join(self.chars))  # half a character could not be printed

    @classmethod
    def from_text(cls, text: str) -> "CharTokenizer":
        """The vocabulary of a corpus: its distinct characters, sorted by code point."""
        return cls(sorted(set(text)))

    @property
    def vocab_size(self) -> int:
        return len(self.chars)

    @property
    def start_id(self) -> int:
        """What an empty prompt begins with: a newline, or the first character if there is none."""
        return self.ids.get("\n", 0)

    def split_unknown(self, text: object) -> tuple[str, list[str]]:
        """Return (`text` as this vocabulary can spell it, the characters that were left out, in order).

        Text with unknown characters is first put into its composed form (NFC), so that an `é` typed as `e` and an
        accent becomes the `é` of the vocabulary.
        """
        text = normalise(text)
        if not all(c in self.ids for c in text):
            text = unicodedata.normalize("NFC", text)
        unknown = [c for c in text if c not in self.ids]
        return "".join(c for c in text if c in self.ids), unknown

    def encode(self, text: str) -> list[int]:
        """The ids of `text`; characters outside the vocabulary are left out (`split_unknown` names them)."""
        known, _ = self.split_unknown(text)
        return [self.ids[c] for c in known]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.chars[i] for i in ids)

    def to_json(self) -> dict[str, object]:
        return {"type": "char", "chars": self.chars}

    @classmethod
    def from_json(cls, data: object) -> "CharTokenizer":
        """The inverse of `to_json`. Raises ValueError on anything else."""
        if not isinstance(data, dict) or data.get("type") != "char" or not isinstance(data.get("chars"), list):
            raise ValueError('A tokenizer must be {"type": "char", "chars": [...]}.')
        if not all(isinstance(c, str) for c in data["chars"]):
            raise ValueError("The vocabulary must be a list of characters.")
        return cls(data["chars"])


def describe_unknown(unknown: list[str], most: int = 10) -> str:
    """A sentence that names characters by code point, never by glyph: they may be invisible or hostile."""
    if not unknown:
        return ""
    distinct = list(dict.fromkeys(unknown))
    names = ", ".join(f"U+{ord(c):04X}" for c in distinct[:most])
    more = f" and {len(distinct) - most} more" if len(distinct) > most else ""
    noun = "character" if len(unknown) == 1 else "characters"
    return f"{len(unknown)} {noun} outside the model's vocabulary left out: {names}{more}."
