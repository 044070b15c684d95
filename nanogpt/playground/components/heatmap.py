"""One attention head as a map: which earlier character each character looks at, and how strongly.

Knows characters and weights, never a model. The drawing is in heatmap.js and heatmap.css.
"""

import base64
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np

from nanogpt.playground.components.loader import load_component


def heatmap(elem_id: str, label: str) -> gr.HTML:
    """An empty map; give it a `heatmap_value` or a `heatmap_message`. `label` names it for screen readers."""
    hint = heatmap_message("Generate a text to see what each character looks at.")
    return load_component("heatmap", hint, elem_id, label)


def heatmap_value(characters: Sequence[str], weights: np.ndarray, title: str, subtitle: str = "") -> dict[str, Any]:
    """The JSON that a heatmap draws.

    Args:
        characters: T characters, on both axes.
        weights: (T, T), row i the attention of character i over the characters 0 … i. What lies above the diagonal
            is the future, which nobody looks at: it is not sent.

    Raises:
        ValueError: if `weights` is not (T, T).
    """
    T = len(characters)
    if weights.shape != (T, T):
        raise ValueError(f"weights must have the shape ({T}, {T}) of {T} characters; got {weights.shape}.")
    lower = weights[np.tril_indices(T)].astype("<f4")  # (T (T + 1) / 2,), row by row
    return {
        "characters": list(characters),
        "weights": base64.b64encode(lower.tobytes()).decode("ascii"),
        "title": title,
        "subtitle": subtitle,
        "message": "",
    }


def heatmap_message(message: str, title: str = "", subtitle: str = "") -> dict[str, Any]:
    """The JSON of a heatmap that says `message` in place of a map."""
    return {"characters": [], "weights": "", "title": title, "subtitle": subtitle, "message": message}
