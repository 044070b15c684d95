"""A menu of a few choices. The drawing is in menu.js and menu.css."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from nanogpt.playground.components.loader import load_component


def menu(
    elem_id: str,
    label: str,
    choices: Sequence[tuple[str, Any]],
    value: Any,
    info: str = "",
    *,
    compact: bool = False,
    disabled: str = "",
    term: str = "",
) -> gr.HTML:
    """A native menu whose value is one of the values of `choices`, (title, value) pairs; both may be updated.

    A value keeps its type on its way through JSON: text, a whole number. Its `input` event fires when the reader
    chooses, with the mouse or the keyboard. If its value is none of the choices, the menu is blank.

    Args:
        info: the hint under it.
        compact: shows the choice as a title; the label is then for screen readers only.
        disabled: why it is disabled, in place of the hint; "" if it is not. Update it with `gr.HTML(disabled=…)`;
            where the control may not be drawn yet, give all its `props`: Gradio forgets those that are not named.
        term: the name under which its label is explained.
    """
    given = {"choices": [list(choice) for choice in choices], "info": info, "compact": compact}
    return load_component("menu", value, elem_id, label, base="control", **given, disabled=disabled, term=term)
