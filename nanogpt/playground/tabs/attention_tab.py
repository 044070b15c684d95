"""Attention: which earlier characters each character of a text looks at, one head at a time.

Knows the zoo, `analysis.attention` and the heatmap; it draws the weights that the model used.
"""

from functools import partial
from typing import Any

import gradio as gr

from nanogpt.analysis.attention import attention, attention_layers
from nanogpt.checks import shorter_than, whole
from nanogpt.generation.sampling import MAX_NEW_TOKENS
from nanogpt.generation.text_model import TextModel
from nanogpt.models.ranges import RANGES
from nanogpt.playground.components.beginning import beginning
from nanogpt.playground.components.heatmap import heatmap, heatmap_message, heatmap_value
from nanogpt.playground.components.menu import menu
from nanogpt.playground.fields import PROMPTS, integer
from nanogpt.playground.limits import AT_ONCE, LATEST, MODEL_LIMIT, QUIET, refused
from nanogpt.playground.page import Linked, Page, Update
from nanogpt.storage.zoo import Zoo
from nanogpt.text.prompt import MAX_PROMPT
from nanogpt.text.tokenizer import normalise

ONLY_ONE = "this model has one only"
MAX_READ = MAX_PROMPT + MAX_NEW_TOKENS  # a prompt and all that was written after it


def read_within_limit(text: Any) -> str:
    """Return the text as it was given. Raises ValueError for what is no text, or too long."""
    shorter_than("Text to read", normalise(text), MAX_READ)
    return str(text)


def head_map(loaded: TextModel, text: object, layer: object, head: object) -> dict[str, object]:
    """What the heatmap draws for one head (both counted from 1) over the last block_size characters of `text`.

    Raises ValueError for a layer or head that the model does not have, and for a text it cannot read.
    """
    layers = attention_layers(loaded.model)
    if not layers:
        return heatmap_message(
            f"The {loaded.title} has no attention: it sees "
            + (
                "only the last character."
                if loaded.block_size == 1
                else f"only the last {loaded.block_size} characters."
            )
        )
    layer = whole("Layer", layer, 1, len(layers))
    head = whole("Head", head, 1, layers[0].n_head)
    known, unknown = loaded.tokenizer.split_unknown(normalise(read_within_limit(text)))
    given = len(known)
    known = known[-loaded.block_size :]
    if not known:
        return heatmap_message("Write some text above, or press Generate on the Compare tab.")
    pattern = attention(loaded, loaded.read_text(known))[layer - 1, head - 1]
    left_out = f" · {len(unknown)} unknown left out" if unknown else ""
    seen = f"the last {len(known):,} of {given:,}" if given > len(known) else f"{len(known):,}"
    return heatmap_value(
        list(known),
        pattern.numpy(),
        title=f"Layer {layer}, head {head}",
        subtitle=f"{loaded.title} · {seen} character{'s' if given > 1 else ''}{left_out}",
    )


def shape(zoo: Zoo, name: str | None) -> tuple[list[int], list[int]]:
    """The numbers of a model's layers and heads, both from 1; [1] and [1] without attention."""
    layers = attention_layers(zoo.get(name).model) if name in zoo.names else []
    return list(range(1, max(1, len(layers)) + 1)), list(range(1, (layers[0].n_head if layers else 1) + 1))


def numbered(numbers: list[int]) -> list[tuple[str, int]]:
    """The choices of a menu of numbers."""
    return [(str(n), n) for n in numbers]


def fit(zoo: Zoo, name: str, layer: int = 1, head: int = 1) -> list[gr.HTML]:
    """The choices of layer and head that a model has, with these two chosen where it has them."""
    return [
        gr.HTML(choices=numbered(there), value=wanted if wanted in there else 1, disabled="" if there[1:] else ONLY_ONE)
        for there, wanted in zip(shape(zoo, name), (layer, head), strict=True)
    ]


class AttentionTab:
    """The parts of the tab, and what happens at its events."""

    def __init__(self, page: Page):
        self.page, self.zoo = page, page.zoo
        names = self.zoo.names
        looking = [n for n in names if attention_layers(self.zoo.get(n).model)]
        default = "gpt" if "gpt" in looking else next(iter(looking or names), None)
        layers, heads = shape(self.zoo, default)
        with gr.Column(elem_classes="controls"):
            self.text = beginning(
                "attention_text",
                "Text",
                "",
                PROMPTS,
                "what the model reads: the text just generated, or yours; Shift+Enter makes a new line",
                most=MAX_READ,
                term="attention",
            )
            with gr.Row():
                self.model = menu("attention_model", "Model", self.zoo.choices, default, "whose attention")
                self.layer = menu("layer", "Layer", numbered(layers), 1, "1 reads the text first", term="layer")
                self.head = menu("head", "Head", numbered(heads), 1, "heads look for different things", term="head")
        self.picture = heatmap("attention_map", "Attention weights")

    def show(self, text, model, layer, head):  # type: ignore[no-untyped-def]
        with refused():
            return head_map(self.zoo.get(model), text, layer, head)

    def wire(self, tab: gr.Tab) -> None:
        """Opening the tab takes over the text of the Compare tab, unless the visitor has written another."""
        taken: dict[str, Any] = {
            "fn": None,
            "inputs": [self.text, self.page.prompt, self.model, *self.page.panels],
            "outputs": self.text,
            "queue": False,
            "api_visibility": "private",
        }
        tab.select(js="playground.takeText", **taken)
        self.page.complete(js="playground.takeTextOnOpening", **taken)
        shown: dict[str, Any] = {
            "fn": self.show,
            "inputs": [self.text, self.model, self.layer, self.head],
            "outputs": self.picture,
            **QUIET,
            **MODEL_LIMIT,
        }
        gr.on([self.text.change, self.layer.change, self.head.change], **shown, **LATEST)
        # Layer and head must be the new model's before they are asked for.
        self.model.input(partial(fit, self.zoo), self.model, [self.layer, self.head], **AT_ONCE).then(**shown)

    def link(self) -> None:
        """What a link holds of this tab."""
        self.page.linked["attention_text"] = Linked(self.text, read_within_limit)
        self.page.add_menu(self.model, key="attention_model")
        for key, part, title in (("layer", self.layer, "Layer"), ("head", self.head, "Head")):
            low, high = RANGES[f"n_{key}"]
            self.page.linked[key] = Linked(part, partial(read_number, title, int(low), int(high)))
        self.page.refits.append(self.refit)

    def refit(self, values: dict[str, Any]) -> Update:
        """The choices of layer and head for the model that a link names."""
        if "attention_model" not in values:
            return {}
        fitted = fit(self.zoo, values["attention_model"], values.get("layer", 1), values.get("head", 1))
        return dict(zip((self.layer, self.head), fitted, strict=True))


def build_attention(page: Page, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks and wire its events."""
    built = AttentionTab(page)
    built.wire(tab)
    built.link()


def read_number(title: str, low: int, high: int, text: str) -> int:
    """The whole number that a link's text stands for. Raises ValueError."""
    return whole(title, integer(text), low, high)
