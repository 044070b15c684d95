"""Visible marks for invisible characters that have a name. The table is glyphs.json; shared.js reads it too."""

import json
from functools import cache
from pathlib import Path


@cache
def named_characters() -> dict[str, dict[str, str]]:
    """Character → {"glyph": what is drawn in its place, "name": what it is called in words}."""
    table: dict[str, dict[str, str]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return table


def with_glyphs(text: str) -> str:
    """`text` with each named character replaced by its glyph: "to be" → "to␣be"."""
    return text.translate({ord(character): drawn["glyph"] for character, drawn in named_characters().items()})
