"""The tabs of the page: one module each, and one row here. A tab never imports another."""

from collections.abc import Callable

import gradio as gr

from nanogpt.playground.page import Page
from nanogpt.playground.tabs.attention_tab import build_attention
from nanogpt.playground.tabs.compare_tab import build_compare
from nanogpt.playground.tabs.score_tab import build_score

# Title → what builds the tab inside the current Blocks and wires its events. Compare comes first: the others take over
# its text.
TABS: dict[str, Callable[[Page, gr.Tab], None]] = {
    "Compare": build_compare,
    "Attention": build_attention,
    "Score": build_score,
}
