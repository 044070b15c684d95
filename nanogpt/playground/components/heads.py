"""All attention heads of a model over one text: a small picture of each, the text, and one head large.

Knows characters and weights, never a model. The drawing is in heads.js, heads_*.js and heads.css.
"""

import base64
import json
import zlib
from collections.abc import Collection, Sequence
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nanogpt.playground.components.loader import load_component

KEPT_BITS = 16  # of the 23 of a float32's mantissa: four significant digits, in two thirds of the room
Floats = NDArray[np.float32]


def heads(elem_id: str, label: str, group: str = "inside") -> gr.HTML:
    """An empty view of all heads; give it a `heads_value` or a `heads_message`. `label` names it for screen readers.

    The views of `group` mark the same character (see shared.js). This one sends `point` with side 1, part "text",
    index, the row of the map and, where a cell is pointed at, column; all count from 0. It follows the others' points.
    Its `rest` event fires once a selection rests; it holds nothing.

    Its `choose` event fires when the reader selects a head. The listener's `gr.EventData` holds `layer` and `head`,
    from 1, and `exact`: whether the view has the exact weights of that head. If not, they belong in the prop `exact`:
    `gr.HTML(exact=exact_head(…))`. Until then, the view draws from eight bits and writes "≈". It ignores exact weights
    of another text. The reader's choice outlasts a new value with as many layers and heads, unless `selected` changes.
    """
    hint = heads_message("Generate a text to see what every head looks at.")
    return load_component("heads", hint, elem_id, label, group=group, exact=None)


def heads_value(
    chars: Sequence[str],
    patterns: ArrayLike,
    norms: ArrayLike,
    *,
    selected: tuple[int, int] = (1, 1),
    words: Sequence[Sequence[str]] = (),
    details: Sequence[Sequence[str]] = (),
    patterns_named: Sequence[tuple[str, str]] = (),
    shares: Sequence[Sequence[Sequence[tuple[float, float]]]] = (),
    off: Collection[str] = (),
    title: str = "",
    subtitle: str = "",
) -> dict[str, Any]:
    """The JSON that the view draws.

    Args:
        chars: the T characters of the text, on both axes.
        patterns: (L, H, T, T) weights from 0 to 1: [layer, head, row, column]. What lies above the diagonal is the
            future, which no character looks at: it is not sent.
        norms: (L, H, T), the norm of value · output projection of each character.
        selected: (layer, head), from 1, of the head to show large. It is sent exactly, the others in eight bits.
        words: [layer][head], a few words for the caption of a head, or empty.
        details: [layer][head], a sentence about a head, or empty.
        patterns_named: what shares of a head's weight were measured on, in a word or two and in full; or empty.
        shares: [layer][head], for each of `patterns_named` the share, and the share by chance; or empty.
        off: the names of parts that are switched off, e.g. "5.3". Parts that are no heads are ignored.
        title, subtitle: what stands above the pictures, e.g. "All 20 heads of the GPT".

    Raises:
        ValueError: if shapes do not agree, a weight is outside of 0 … 1, a norm is negative or not finite, or
            `selected` is no head.
    """
    weights, lengths = np.asarray(patterns, np.float32), np.asarray(norms, np.float32)
    _check(len(chars), weights, lengths, {"words": words, "details": details, "shares": shares}, selected)
    (L, H), (layer, head) = weights.shape[:2], selected
    about = {
        "words": [list(row) for row in words],
        "details": [list(row) for row in details],
        "patterns": [list(names) for names in patterns_named],
        "shares": [[[list(pair) for pair in head] for head in row] for row in shares],
    }
    return {
        "chars": "".join(chars),
        "layers": L,
        "heads": H,
        "maps": _packed(np.round(255 * np.sqrt(_lower(weights))).astype(np.uint8).tobytes()),
        "norms": _packed_floats(lengths),
        "selected": [layer, head],
        "exact": exact_head(layer, head, weights[layer - 1, head - 1]),
        # As text: Gradio's front end copies every element of a list at every request of the page.
        "about": json.dumps(about, ensure_ascii=False),
        "off": [f"{i}.{j}" for i in range(1, L + 1) for j in range(1, H + 1) if f"{i}.{j}" in off],
        "title": title,
        "subtitle": subtitle,
        "message": "",
    }


def _check(
    T: int,
    weights: Floats,
    lengths: Floats,
    tables: dict[str, Sequence[Sequence[Any]]],
    selected: tuple[int, int],
) -> None:
    """Raise ValueError unless what `heads_value` was given agrees."""
    if weights.ndim != 4 or weights.shape[2:] != (T, T) or not weights.size:
        raise ValueError(f"patterns must have the shape (layers, heads, {T}, {T}) of {T} characters; "
                         f"got {weights.shape}.")  # fmt: skip
    L, H = weights.shape[:2]
    if lengths.shape != (L, H, T):
        raise ValueError(f"norms must have the shape {(L, H, T)}; got {lengths.shape}.")
    if not ((lengths >= 0) & np.isfinite(lengths)).all():
        raise ValueError("norms must be finite and at least 0.")
    for name, table in tables.items():
        if table and [len(row) for row in table] != [H] * L:
            raise ValueError(f"{name} must hold {H} items for each of {L} layers.")
    layer, head = selected
    if not (1 <= layer <= L and 1 <= head <= H):
        raise ValueError(f"selected must be a layer of 1 … {L} and a head of 1 … {H}; got {selected}.")


def heads_message(message: str) -> dict[str, Any]:
    """The JSON of a view that says `message` in place of heads."""
    return {"chars": "", "layers": 0, "heads": 0, "message": message}


def exact_head(layer: int, head: int, pattern: ArrayLike) -> dict[str, Any]:
    """The weights (T, T) of one head, for the prop `exact`: four significant digits. Layer and head count from 1.

    Raises ValueError if the pattern is not square, or a weight is outside of 0 … 1.
    """
    weights = np.asarray(pattern, np.float32)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1]:
        raise ValueError(f"pattern must have the shape (T, T); got {weights.shape}.")
    return {"layer": layer, "head": head, "weights": _packed_floats(_lower(weights))}


def _lower(weights: Floats) -> Floats:
    """(…, T, T) → (…, T (T + 1) / 2): the lower triangle, row after row. Raises ValueError for what is no weight."""
    rows, columns = np.tril_indices(weights.shape[-1])
    lower: Floats = weights[..., rows, columns]
    if not ((lower >= 0) & (lower < 1.001)).all():  # a sum that rounds may exceed 1 by a little; NaN fails too
        raise ValueError("Weights must be from 0 to 1.")
    return np.minimum(lower, 1)


def _packed_floats(numbers: Floats) -> str:
    """Numbers rounded to KEPT_BITS; first the lowest byte of each, then the next: so the alike stand together."""
    dropped = 23 - KEPT_BITS
    bits = np.ascontiguousarray(numbers, "<f4").reshape(-1).view("<u4")
    rounded = ((bits + (1 << (dropped - 1))) >> dropped << dropped).astype("<u4")
    return _packed(rounded.view(np.uint8).reshape(-1, 4).T.tobytes())


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 6)).decode("ascii")
