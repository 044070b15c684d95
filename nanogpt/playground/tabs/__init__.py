"""The tabs of the page: one module each, and one row here. A tab never imports another."""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from nanogpt.playground.page import Page
from nanogpt.playground.tabs.compare_tab import build_compare
from nanogpt.playground.tabs.inside_tab import build_inside
from nanogpt.playground.tabs.score_tab import build_score


@dataclass(frozen=True)
class TabRow:
    """One tab: its title, and what builds it inside the current Blocks and wires its events."""

    title: str
    build: Callable[[Page, gr.Tab], None]


# By the name that a link gives it. Compare comes first: the others take over its text.
TABS = {
    "compare": TabRow("Compare", build_compare),
    "inside": TabRow("Look inside", build_inside),
    "score": TabRow("Score", build_score),
}
OLD_NAMES = {"attention": "inside"}  # in links of earlier versions
