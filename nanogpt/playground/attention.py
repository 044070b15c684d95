"""Attention: which earlier characters each character of a text looks at, one head at a time.

Knows the zoo, `interpret` and the heatmap; what is drawn is what the model used, number for number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from nanogpt.analysis.attention import attention_layers, attention_patterns
from nanogpt.checks import whole
from nanogpt.generation.sampling import MAX_NEW_TOKENS
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.components.heatmap import heatmap, heatmap_message, heatmap_value
from nanogpt.playground.limits import AT_ONCE, LATEST, MODEL_LIMIT, QUIET, refused
from nanogpt.storage.zoo import Zoo
from nanogpt.text.prompt import MAX_PROMPT

# On opening the tab, in the browser: the text that the chosen model has just written, else any text, else the prompt.
TAKE_TEXT = """(text, prompt, model, ...sides) => {
  const written = sides.filter((side) => side && side.text);
  const side = written.find((side) => side.model === model) || written.at(-1);
  return side ? (side.prompt + side.text).slice(0, 64) : prompt;
}"""
MAX_TEXT = MAX_PROMPT + MAX_NEW_TOKENS  # a prompt and all that was written after it


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
    if isinstance(text, str) and len(text) > MAX_TEXT:
        raise ValueError(f"Text is {len(text):,} characters; the limit is {MAX_TEXT:,}.")
    known, unknown = loaded.tokenizer.split_unknown(text)
    known = known[-loaded.block_size :]
    if not known:
        return heatmap_message("Write some text above, or press Generate on the Compare tab.")
    pattern = attention_patterns(loaded.model, loaded.tokenizer.encode(known))[layer - 1, head - 1]
    left_out = f" · {len(unknown)} unknown left out" if unknown else ""
    return heatmap_value(
        list(known),
        pattern.numpy(),
        title=f"Layer {layer}, head {head}",
        subtitle=f"{loaded.title} · {len(known)} characters{left_out}",
    )


def shape(zoo: Zoo, name: str | None) -> tuple[list[int], list[int]]:
    """The numbers of a model's layers and heads, both from 1; [1] and [1] without attention."""
    layers = attention_layers(zoo.get(name).model) if name in zoo.names else []
    return list(range(1, max(1, len(layers)) + 1)), list(range(1, (layers[0].n_head if layers else 1) + 1))


def fit(zoo: Zoo, name: str, layer: int = 1, head: int = 1) -> list[gr.Dropdown]:
    """The choices of layer and head that a model has, with these two chosen where it has them."""
    return [
        gr.Dropdown(choices=there, value=wanted if wanted in there else 1, interactive=len(there) > 1)
        for there, wanted in zip(shape(zoo, name), (layer, head), strict=True)
    ]


@dataclass(frozen=True)
class AttentionTab:
    """What other parts of the page need of this tab."""

    model: gr.Dropdown
    layer: gr.Dropdown
    head: gr.Dropdown
    take_text: Callable[[Any], Any]  # given an event's listener, takes over the Compare tab's text at that event


def attention_tab(zoo: Zoo, prompt: gr.Textbox, panels: list[gr.HTML], tab: gr.Tab) -> AttentionTab:
    """Build the tab inside the current Blocks and wire its events.

    Opening it takes over what stands on the Compare tab.
    """
    names = zoo.names
    looking = [n for n in names if attention_layers(zoo.get(n).model)]
    default = "gpt" if "gpt" in looking else next(iter(looking or names), None)

    layer_choices, head_choices = shape(zoo, default)
    with gr.Column(elem_classes="controls"):
        with gr.Row():
            text = gr.Textbox(
                "",
                label="Text",
                lines=3,
                max_lines=6,
                max_length=MAX_TEXT,
                elem_id="attention_text",
                scale=2,
                min_width=280,
                info="what the model reads; filled with the text just generated, yours to change",
            )
            model = gr.Dropdown(
                zoo.choices,
                value=default,
                label="Model",
                elem_id="attention_model",
                min_width=160,
                info="whose attention",
            )
            layer = gr.Dropdown(
                layer_choices,
                value=1,
                label="Layer",
                elem_id="layer",
                min_width=110,
                info="1 reads the text first",
            )
            head = gr.Dropdown(
                head_choices,
                value=1,
                label="Head",
                elem_id="head",
                min_width=110,
                info="heads look for different things",
            )
    picture = heatmap("attention_map", "Attention weights")

    def attention(text, model, layer, head):  # type: ignore[no-untyped-def]
        with refused():
            return head_map(zoo.get(model), text, layer, head)

    def take_text(listen):  # type: ignore[no-untyped-def]
        return listen(None, [text, prompt, model, *panels], text, js=TAKE_TEXT, queue=False, api_visibility="private")

    take_text(tab.select)
    show: dict[str, Any] = {
        "fn": attention,
        "inputs": [text, model, layer, head],
        "outputs": picture,
        **QUIET,
        **MODEL_LIMIT,
    }
    gr.on([text.change, layer.change, head.change], **show, **LATEST)
    # Layer and head must be the new model's before they are asked for.
    model.select(partial(fit, zoo), model, [layer, head], **AT_ONCE).then(**show)
    return AttentionTab(model, layer, head, take_text)
