"""The key to the tint behind the letters of the text panels."""

import gradio as gr

from nanogpt.playground.components.loader import load_component


def surprise_legend() -> gr.HTML:
    """The key; one on a page is enough."""
    return load_component("surprise_legend")
