"""The inputs of the Compare tab, and a run: their values, checked.

One way from what a visitor set to what the engine is asked, for every listener of the tab.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from nanogpt.checks import whole
from nanogpt.generation.continuation import MAX_BEAM
from nanogpt.generation.sampling import MAX_NEW_TOKENS, MAX_SEED, SamplingParams
from nanogpt.playground.duel import METHODS
from nanogpt.playground.limits import refused
from nanogpt.text.prompt import MAX_PROMPT

MAX_SIDES = 4
EXAMPLES = ["ROMEO:\n", "To be, or not to be", "KING RICHARD III:\nNow", "First Citizen:\n"]


@dataclass(frozen=True)
class Controls:
    """The inputs of a run, in the order in which every handler takes them."""

    prompt: gr.Textbox
    temperature: gr.Slider
    top_k: gr.Slider
    top_p: gr.Slider
    length: gr.Slider
    seed: gr.Number
    method: gr.Radio
    width: gr.Slider
    count: gr.Radio
    colour: gr.Radio
    models: list[gr.Dropdown]

    @property
    def all(self) -> list[Any]:
        return [
            self.prompt,
            self.temperature,
            self.top_k,
            self.top_p,
            self.length,
            self.seed,
            self.method,
            self.width,
            self.count,
            self.colour,
            *self.models,
        ]


@dataclass(frozen=True)
class Run:
    """The checked values of the controls. Raises ValueError with a written message."""

    prompt: str
    params: SamplingParams
    method: str
    width: int
    colour: int
    names: list[str]

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Run":
        prompt, temperature, top_k, top_p, length, seed, method, width, count, colour, *names = values
        sides = whole("Sides", count, 2, MAX_SIDES)
        params = SamplingParams(temperature, top_k, top_p, length, seed)
        return cls(prompt, params, method, width, min(whole("Colour", colour, 0, MAX_SIDES), sides), names[:sides])


def build_controls() -> Controls:
    """The inputs at the top of the tab, without the models: they stand above their panels."""
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            prompt = gr.Textbox(
                EXAMPLES[0],
                label="Beginning",
                lines=3,
                max_lines=6,
                max_length=MAX_PROMPT,
                elem_id="prompt",
                info="the models continue it, character by character",
            )
            gr.Examples([[e] for e in EXAMPLES], [prompt], label="or one of these", elem_id="examples")
        with gr.Column(scale=3, min_width=280):
            with gr.Row():
                temperature = gr.Slider(
                    0,
                    2,
                    0.8,
                    step=0.01,
                    label="Temperature",
                    elem_id="temperature",
                    min_width=170,
                    buttons=[],
                    info="0 always takes the likeliest; 2 is wild",
                )
                top_k = gr.Slider(
                    0,
                    65,
                    0,
                    step=1,
                    label="Top-k",
                    elem_id="top_k",
                    min_width=170,
                    buttons=[],
                    info="only the k likeliest may be drawn; 0 is off",
                )
                top_p = gr.Slider(
                    0.01,
                    1,
                    1,
                    step=0.01,
                    label="Top-p",
                    elem_id="top_p",
                    min_width=170,
                    buttons=[],
                    info="only the likeliest that hold this share; 1 is off",
                )
            with gr.Row():
                length = gr.Slider(
                    1,
                    MAX_NEW_TOKENS,
                    300,
                    step=1,
                    label="Characters",
                    elem_id="length",
                    min_width=170,
                    buttons=[],
                    info="how many to write",
                )
                seed = gr.Number(
                    1,
                    label="Seed",
                    precision=0,
                    minimum=0,
                    maximum=MAX_SEED,
                    elem_id="seed",
                    min_width=170,
                    info="the same seed is the same luck",
                )
                count = gr.Radio(
                    list(range(2, MAX_SIDES + 1)),
                    value=2,
                    label="Sides",
                    elem_id="count",
                    min_width=170,
                    info="models side by side",
                )
            with gr.Row():
                method = gr.Radio(
                    [(title, name) for name, title in METHODS.items()],
                    value="sample",
                    label="Choice",
                    elem_id="method",
                    min_width=220,
                    info="draw each character, or search for the likeliest text",
                )
                width = gr.Slider(
                    1,
                    MAX_BEAM,
                    4,
                    step=1,
                    label="Beam width",
                    elem_id="width",
                    min_width=140,
                    visible=False,
                    buttons=[],
                    info="texts kept at each character",
                )
                colour = gr.Radio(
                    [("itself", 0), ("model 1", 1), ("model 2", 2)],
                    value=0,
                    label="Surprise by",
                    elem_id="colour",
                    min_width=280,
                    info="whose bits tint the letters",
                )
    return Controls(prompt, temperature, top_k, top_p, length, seed, method, width, count, colour, [])


def refit(sides: Any, colour: Any = 0) -> list[Any]:
    """What depends on the number of sides: their columns, the choices of whose bits tint, and of whose run to take."""
    with refused():
        n = whole("Sides", sides, 2, MAX_SIDES)
        colour = min(n, whole("Colour", colour, 0, MAX_SIDES))
    return [
        *(gr.Column(visible=i < n) for i in range(MAX_SIDES)),
        gr.Radio(choices=[("itself", 0), *((f"model {i}", i) for i in range(1, n + 1))], value=colour),
        gr.Radio(choices=list(range(1, n + 1)), value=n),
    ]
