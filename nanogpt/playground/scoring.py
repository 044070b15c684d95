"""Score: a text of the visitor's own, judged character by character by two models.

The totals are those of `python -m nanogpt score`: both ask `score`.
"""

from typing import Any

import gradio as gr

from nanogpt.analysis.score import BITS, score
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.components.text import text_panel, text_value
from nanogpt.playground.components.track import track
from nanogpt.playground.duel import bits_saved, describe
from nanogpt.playground.limits import LATEST, MODEL_LIMIT, QUIET, refused
from nanogpt.storage.zoo import Zoo

MAX_TEXT = 2_000
EXAMPLES = [
    "Shall I compare thee to a summer's day?",
    "But, soft! what light through yonder window breaks?\nIt is the east, and Juliet is the sun.",
    "Now is the winter of our discontent\nMade glorious summer by this sun of York;",
    "The quick brown fox jumps over the lazy dog.",
    "To be, or not to be, that is the question:",
]


def judged(loaded: TextModel, text: str) -> tuple[dict[str, Any], list[float]]:
    """The panel of `text` under one model, and the bits of each character. Raises ValueError for an empty text."""
    found = score(loaded, loaded.read_text(text))
    bits = (found.nats * BITS).tolist()
    value = text_value(
        title=loaded.title,
        subtitle=describe(loaded),
        text=found.text,
        bits=bits,
        stats=[
            (f"{len(bits):,}", "characters"),
            (f"{sum(bits) / len(bits):.4f}", "bits each"),
            (f"{sum(bits):,.1f}", "bits in all"),
        ],
        notice=found.left_out,
        status="done",
    )
    return value, bits


def score_tab(zoo: Zoo, tab: gr.Tab) -> list[gr.Dropdown]:
    """Build the tab inside the current Blocks, wire its events and return its menus of models."""
    names = zoo.names
    defaults = [n for n in ("bigram", "gpt") if n in names] or names or [None]
    with gr.Column(elem_classes="controls"):
        text = gr.Textbox(
            EXAMPLES[1],
            label="Text",
            lines=3,
            max_lines=8,
            max_length=MAX_TEXT,
            elem_id="score_text",
            info="how many bits each model needs for each character: fewer is less surprised",
        )
        gr.Examples([[e] for e in EXAMPLES], [text], label="Lines", elem_id="score_examples")
    models, panels = [], []
    with gr.Row(elem_classes="sides", equal_height=True):
        for i in range(2):
            with gr.Column(elem_classes="side", min_width=320):
                models.append(
                    gr.Dropdown(
                        zoo.choices,
                        value=defaults[min(i, len(defaults) - 1)],
                        label=f"Judge {i + 1}",
                        container=False,
                        elem_id=f"judge_{i + 1}",
                    )
                )
                panels.append(text_panel(f"judged_{i + 1}", f"Text under judge {i + 1}"))
    saved = track("score_saved", "Bits saved on this text")

    def judge(text, *names):  # type: ignore[no-untyped-def]
        with refused():
            if isinstance(text, str) and len(text) > MAX_TEXT:
                raise ValueError(f"Text is {len(text):,} characters; the limit is {MAX_TEXT:,}.")
            first, last = (zoo.get(name) for name in names)
            (one, one_bits), (two, two_bits) = judged(first, text), judged(last, text)
            return one, two, bits_saved(last, first, one["text"], two_bits, one_bits)

    gr.on(
        [tab.select, text.change, *(model.change for model in models)],
        judge,
        [text, *models],
        [*panels, saved],
        **QUIET,
        **LATEST,
        **MODEL_LIMIT,
    )
    return models
