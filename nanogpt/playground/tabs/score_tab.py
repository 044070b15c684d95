"""Score: a text of the visitor's own, judged character by character by two models.

The totals are those of `python -m nanogpt score`: both ask `analysis.score.score`.
"""

from functools import partial
from typing import Any

import gradio as gr

from nanogpt.analysis.score import score
from nanogpt.playground.components.beginning import beginning
from nanogpt.playground.components.menu import menu
from nanogpt.playground.components.text_panel import text_panel
from nanogpt.playground.components.track import track
from nanogpt.playground.limits import LATEST, MAX_SCORED, MODEL_LIMIT, QUIET, refused, scored_within_limit
from nanogpt.playground.page import Linked, Page
from nanogpt.playground.panels import bits_of, bits_saved, scored_panel
from nanogpt.storage.zoo import Zoo

Value = dict[str, Any]  # what a component draws
LINES = [
    "Shall I compare thee to a summer's day?",
    "But, soft! what light through yonder window breaks?\nIt is the east, and Juliet is the sun.",
    "Now is the winter of our discontent\nMade glorious summer by this sun of York;",
    "The quick brown fox jumps over the lazy dog.",
    "To be, or not to be, that is the question:",
]


def judge(zoo: Zoo, text: Any, *names: Any) -> tuple[Value, Value, Value]:
    """Two panels and the track of a text that two models judge. Refuses a text that is too long or not known at all."""
    with refused():
        scored_within_limit(text)
        first, last = judges = [zoo.get(name) for name in names]
        one, two = (score(loaded, loaded.read_text(text)) for loaded in judges)
        lead = f"Your text, under the {last.title} and the {first.title}."
        saved = bits_saved((first, last), (bits_of(one), bits_of(two)), one.text, lead, len(judges), zoo.names)
        return scored_panel(first, one, zoo.names), scored_panel(last, two, zoo.names), saved


def build_score(page: Page, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks and wire its events."""
    zoo = page.zoo
    names = zoo.names
    defaults = [n for n in ("bigram", "gpt") if n in names] or names or [None]
    with gr.Column(elem_classes="controls"):
        text = beginning(
            "score_text",
            "Text",
            LINES[1],
            LINES,
            "judged as you type: fewer bits are less surprise; Shift+Enter makes a new line",
            most=MAX_SCORED,
            term="surprise",
        )
    models, panels = [], []
    with gr.Row(elem_classes="sides", equal_height=True):
        for i in range(2):
            with gr.Column(elem_classes="judged", min_width=320):
                chosen = defaults[min(i, len(defaults) - 1)]
                models.append(menu(f"judge_{i + 1}", f"Judge {i + 1}", zoo.choices, chosen, compact=True))
                panels.append(text_panel(f"judged_{i + 1}", f"Text under judge {i + 1}", "score", i + 1))
    saved = track("score_saved", "Bits saved on this text", "score")

    gr.on(
        [tab.select, text.change, *(model.change for model in models)],
        partial(judge, zoo),
        [text, *models],
        [*panels, saved],
        **QUIET,
        **LATEST,
        **MODEL_LIMIT,
    )
    page.linked["score_text"] = Linked(text, scored_within_limit)
    for i, model in enumerate(models, start=1):
        page.add_menu(model, key=f"judge_{i}")
