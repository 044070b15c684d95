"""A number with a slider and a box to type it in. The drawing is in dial.js and dial.css."""

import gradio as gr

from nanogpt.playground.components.loader import load_component


def dial(
    elem_id: str,
    label: str,
    *,
    minimum: float,
    maximum: float,
    step: float,
    value: float,
    info: str = "",
    slider: bool = True,
    disabled: str = "",
    term: str = "",
) -> gr.HTML:
    """A control whose value is a number from `minimum` to `maximum`; an int if `step` is one.

    Its `input` event fires at every new value, while the slider is dragged too; `release` when the slider is let go.
    What is typed becomes the value with Enter, with an arrow key, or when the focus leaves the box: a number outside
    the range becomes the nearest one inside, one that is not whole is rounded where `step` is an int, and what is no
    number changes nothing. The control says what it changed.

    Args:
        step: of the slider and the arrow keys. If it is no int, numbers between the steps may be typed.
        info: the hint under it.
        slider: False leaves only the box.
        disabled: why it is disabled, in place of the hint; "" if it is not. Update it with `gr.HTML(disabled=…)`;
            where the control may not be drawn yet, give all its `props`: Gradio forgets those that are not named.
        term: the name under which its label is explained.
    """
    return load_component(
        "dial",
        value,
        elem_id,
        label,
        base="control",
        minimum=minimum,
        maximum=maximum,
        step=step,
        info=info,
        slider=slider,
        disabled=disabled,
        term=term,
    )
