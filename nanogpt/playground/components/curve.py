"""How many bits per character a model needs, by how many characters it may look back.

Knows numbers, never a model. The drawing is in curve.js and curve.css.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from nanogpt.playground.components.loader import load_component


def curve(elem_id: str, label: str) -> gr.HTML:
    """An empty plot; give it a `curve_value` or a `curve_message`. `label` names it for screen readers.

    Its `choose` event fires when the reader clicks a measured point or presses Enter on it: the listener's
    `gr.EventData` holds `context`.
    """
    return load_component("curve", curve_message("There are no figures yet."), elem_id, label)


def curve_value(
    context: Mapping[int, float],
    marks: Sequence[tuple[str, float, int]] = (),
    now: int = 0,
    bits_now: float | None = None,
) -> dict[str, Any]:
    """The JSON that a curve draws.

    Args:
        context: how many characters the model may look back → bits per character on unseen text; not empty.
        marks: (title, bits per character, number of its colour in shared.css) of other models.
        now: the number of characters that is set; 0 for the most.
        bits_now: what the model needs with it; None: as measured, if it was.

    Raises:
        ValueError: if nothing was measured, a number of characters is below 1, or bits are not finite.
    """
    points = sorted((int(n), float(bits)) for n, bits in context.items())
    if not points or points[0][0] < 1 or now < 0:
        raise ValueError(
            f"context must hold numbers of characters from 1, and now must be from 0; got {points}, {now}."
        )
    shown = [bits for _, bits in points] + [bits for _, bits, _ in marks] + ([] if bits_now is None else [bits_now])
    if not all(map(math.isfinite, shown)):
        raise ValueError(f"bits must be finite; got {shown}.")
    return {
        "points": [list(point) for point in points],
        "marks": [list(mark) for mark in marks],
        "now": now or points[-1][0],
        "bits_now": dict(points).get(now or points[-1][0]) if bits_now is None else bits_now,
        "message": "",
    }


def curve_message(message: str) -> dict[str, Any]:
    """The JSON of a plot that says `message` in place of a curve."""
    return {"points": [], "marks": [], "now": 1, "bits_now": None, "message": message}
