"""One character, explained: how likely each model thought every character that could have stood there, and the draw.

Knows characters and numbers, never a model. The drawing is in card.js, card_draws.js and card.css.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import ArrayLike

from nanogpt.playground.components.loader import load_component
from nanogpt.playground.components.packing import packed

WAYS = ("sample", "greedy", "beam")  # how a text came about


def card(elem_id: str, label: str, group: str = "compare") -> gr.HTML:
    """An empty card; give it a `cards_value`. `label` names it for screen readers.

    It draws the character that the views of its `group` point at (see shared.js), without asking the server. Its ‹ and
    › dispatch `new CustomEvent("step", {detail: {group, by}})` on the document.

    Its `branch` event fires when the reader clicks a character or presses Enter on it, to continue from it: the
    listener's `gr.EventData` holds `char`, `index` (of its row, from 0) and `beginning`, all that stands before it. Its
    `expand` event asks for every character of the vocabulary; it holds `name`, as "side_1.text.60". The answer goes
    into the prop `all`: a `card_value` with the beginning and, where there was a draw, the noise of each row.
    """
    return load_component("card", cards_value(), elem_id, label, group=group, all=None)


def cards_value(
    run: int | None = None,
    temperature: float = 1.0,
    method: str = "sample",
    models: Sequence[tuple[str, int]] = (),
    sides: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The JSON from which a card draws any character of a run; without sides it says what to do.

    Args:
        run: the id of the run, as of `text_value`.
        temperature: that of the run.
        method: one of `WAYS`.
        models: (title, number of its colour in shared.css) of each model of the run.
        sides: of each text "own" and "others", places of its model and the other ones among `models`; "prompt" and
            "text"; "vocabulary", the characters in the order of their ids; "draws", {"prompt", "text"}, each the
            `packed_draws` of that part.

    Raises:
        ValueError: if `method` is unknown, or a part of a side has not one draw for each character.
    """
    if method not in WAYS:
        raise ValueError(f"method must be one of {', '.join(WAYS)}; got {method!r}.")
    keys = ("own", "others", "prompt", "text", "vocabulary", "draws")
    for side in sides:
        for part, draws in side["draws"].items():
            if draws["count"] != len(side[part]):
                raise ValueError(f"draws must hold {len(side[part])} characters of the {part}; got {draws['count']}.")
    return {
        "run": run,
        "temperature": temperature,
        "method": method,
        "models": [list(model) for model in models],
        "sides": [{key: side[key] for key in keys} for side in sides],
    }


def packed_draws(
    ids: ArrayLike,
    rank: ArrayLike,
    raw: ArrayLike,
    tempered: ArrayLike,
    kept: ArrayLike,
    noise: ArrayLike,
    others: ArrayLike,
) -> dict[str, Any]:
    """The draws of n characters, their numbers as text.

    Args:
        ids: (n, k) of the likeliest characters in order and, in the last column, of the one that stands there.
        rank: (n,), its place among all, from 1.
        raw, tempered, kept: (n, k) natural logarithms of the model's own probability, that after the temperature and
            that after the cut; −inf where it is 0.
        noise: (n, k), or empty where nothing was drawn.
        others: (m, n, k) natural logarithms of the raw probability under each other model.

    Raises:
        ValueError: if ids or ranks do not fit 16 bits, or there are more than 16 columns.
    """
    places = np.asarray(ids, np.int64)
    n, k = places.shape if places.ndim == 2 else (0, 0)
    cut = np.isneginf(np.asarray(kept, np.float64)).reshape(n, k)
    ranks = np.asarray(rank, np.int64)
    if k > 16 or max(places.max(initial=0), ranks.max(initial=0)) >= 2**16:
        raise ValueError("ids and rank must fit 16 bits, and the columns must be at most 16.")
    # What the cut leaves is scaled by the same factor in all columns, so that factor and a bit for each are enough.
    gained = np.full((n, k), -np.inf)
    np.subtract(kept, tempered, out=gained, where=~cut)
    real = (raw, tempered, gained.max(-1, initial=-np.inf), others, noise)
    return {
        "count": n,
        "columns": k,
        "whole": packed("<u2", places, ranks, cut @ (1 << np.arange(k))),
        "real": packed("<f4", *real),
    }


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
