"""What the marks in the text panels mean: the underline and the tint."""

import gradio as gr

from nanogpt.playground.components.loader import load_component


def legend() -> gr.HTML:
    """The key; one on a page is enough."""
    return load_component("legend")
