"""The text that models continue, typed or chosen from examples. The drawing is in beginning.js and beginning.css."""

from collections.abc import Sequence

import gradio as gr

from nanogpt.playground.components.loader import load_component
from nanogpt.text.prompt import MAX_PROMPT


def beginning(
    elem_id: str,
    label: str,
    value: str,
    examples: Sequence[str],
    info: str = "",
    *,
    most: int = MAX_PROMPT,
    disabled: str = "",
    term: str = "",
) -> gr.HTML:
    """A text box of one to four lines, with a menu of examples.

    Its `input` event fires when the text changes; `submit` when the reader presses Enter or chooses an example.
    Shift+Enter makes a new line. A text of more than `most` characters is marked as invalid, not cut and not
    submitted, and the value stays that of the last valid text.

    Args:
        info: the hint under it.
        disabled: why it is disabled, in place of the hint; "" if it is not. Update it with `gr.HTML(disabled=…)`;
            where the control may not be drawn yet, give all its `props`: Gradio forgets those that are not named.
        term: the name under which its label is explained.
    """
    given = {"examples": list(examples), "info": info, "most": most}
    return load_component("beginning", value, elem_id, label, base="control", **given, disabled=disabled, term=term)
