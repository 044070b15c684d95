"""One character, explained: how likely each model thought every character that could have stood there.

Knows characters and probabilities, never a model. The drawing is in card.js and card.css.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from nanogpt.playground.components.loader import load_component


def card(elem_id: str, label: str) -> gr.HTML:
    """An empty card; give it a `card_value` or a `card_message`. `label` names it for screen readers.

    Its `branch` event fires when the reader clicks a character or presses Enter on it, to continue from it. A
    listener's `gr.EventData` holds `char` and `index` (of its row, from 0).
    """
    hint = card_message("Hover, tap or focus a character to see what else could have stood there.")
    return load_component("card", hint, elem_id, label)


def card_value(
    title: str,
    glyph_char: str,
    after: str,
    bits: float,
    rank: int,
    own: str,
    others: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The JSON that a card draws.

    Args:
        title: what is explained, e.g. "Character 60 of the GPT's text"; the character's glyph and name follow it.
        glyph_char: that character.
        after: the last few characters before it.
        bits: its surprise, −log2 of its raw probability; infinite where that is 0.
        rank: its place among all characters, from 1.
        own: the name of the model whose text it is.
        others: the names of the other models, in the order of their bars.
        rows: one per character of the vocabulary, the likeliest first: "char"; "raw", its probability under the own
            model; "tempered", after the temperature; "kept", after the cut, 0 where it was cut; "others", its raw
            probability under each other model; "chosen", whether it is the one in the text.

    Raises:
        ValueError: if a row does not hold one probability for each of `others`.
    """
    for row in rows:
        if len(row["others"]) != len(others):
            raise ValueError(f"others must hold {len(others)} probabilities in each row; got {len(row['others'])}.")
    keys = ("char", "raw", "tempered", "kept", "others", "chosen")
    return {
        "title": title,
        "glyph_char": glyph_char,
        "after": after,
        "bits": bits if math.isfinite(bits) else None,  # JSON knows no infinity
        "rank": rank,
        "own": own,
        "others": list(others),
        "rows": [{key: row[key] for key in keys} for row in rows],
        "message": "",
    }


def card_message(message: str, title: str = "") -> dict[str, Any]:
    """The JSON of a card that says `message` in place of the characters."""
    return {**card_value(title, "", "", 0.0, 0, "", [], []), "message": message}
