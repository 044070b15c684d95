"""Bits saved: for every character of a text, how much less one model was surprised by it than another.

Knows characters and bits, never a model. The drawing is in track.js and track.css.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from nanogpt.playground.components.loader import load_component


def track(elem_id: str, label: str, group: str = "compare") -> gr.HTML:
    """An empty track; give it a `track_value` or a `track_message`. `label` names it for screen readers.

    `group` is the set of views that mark the same character, as in `text_panel`.
    """
    hint = track_message("Generate a text to see where one model is less surprised than the other.")
    return load_component("track", hint, elem_id, label, group=group)


def track_value(
    title: str,
    lead: str,
    names: tuple[str, str],
    bits: tuple[Sequence[float], Sequence[float]],
    characters: Sequence[str],
    side: int = 1,
    colours: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """The JSON that a track draws: a bar up where the first model was less surprised, down where the second was.

    Args:
        title, lead: the heading, and a sentence that says how to read it.
        names: the two models.
        bits: the surprise of each character under the first and under the second model, −log2 of its probability. An
            infinite or undefined surprise has no bar and counts in no total.
        characters: the text, one code point each; without any, nothing is drawn but a message.
        side: the number of the text among those of the group, from 1.
        colours: the numbers of the models' colours in shared.css.

    Raises:
        ValueError: if there is not one number per character and model, or a character is not one code point.
    """
    text = "".join(characters)
    if not len(text) == len(characters) == len(bits[0]) == len(bits[1]):
        raise ValueError(
            f"characters must be single and bits one number for each, per model; got {len(characters)} characters of "
            f"{len(text)} code points, {len(bits[0])} and {len(bits[1])} bits."
        )
    return {
        "title": title,
        "lead": lead,
        "names": list(names),
        # Strings: Gradio's front end walks every element of a list at every update.
        "bits": [" ".join(f"{b:.8g}" for b in of_one) for of_one in bits],
        "characters": text,
        "side": side,
        "colours": list(colours),
        "message": "" if text else "There is no text yet.",
    }


def track_message(message: str, title: str = "") -> dict[str, Any]:
    """The JSON of a track that says `message` in place of the bars."""
    return {**track_value(title, "", ("", ""), ((), ()), ""), "message": message}
