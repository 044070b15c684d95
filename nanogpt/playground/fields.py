"""The controls of a run, a row each: what a control shows, what it allows, and how a link writes it.

The rows build the inputs of the page, read links and check runs. A new control is a new row; one of a sampling
setting takes its range from the field of `SamplingParams`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import gradio as gr

from nanogpt.checks import checked, one_of, shorter_than, whole
from nanogpt.generation.continuation import MAX_BEAM
from nanogpt.generation.sampling import SamplingParams
from nanogpt.text.prompt import MAX_PROMPT
from nanogpt.text.tokenizer import normalise

MIN_SIDES, MAX_SIDES = 2, 4
METHODS = {"sample": "Sample", "beam": "Beam search"}
PROMPTS = ["ROMEO:\n", "To be, or not to be", "KING RICHARD III:\nNow", "First Citizen:\n"]
SETTINGS = {f.name: f for f in fields(SamplingParams)}


@dataclass(frozen=True)
class Field:
    """One control. `check` returns the value that a run gets, or raises ValueError with field, value and range."""

    name: str  # the id of its element
    check: Callable[[Any], Any]
    make: Callable[..., Any]  # makes its component, but for what a caller adds
    key: str = ""  # its name in a link, where that is not `name`
    parse: Callable[[str], object] = str  # the text in a link → a value for `check`
    param: str = ""  # the field of SamplingParams that it sets
    row: int = 0  # where it stands on the page

    def build(self, **more: Any) -> Any:
        """Its component, inside the current Blocks."""
        return self.make(elem_id=self.name, **more)

    @property
    def link_key(self) -> str:
        return self.key or self.name

    def read_link(self, text: str) -> Any:
        """The checked value of a link's text. Raises ValueError."""
        return self.check(self.parse(text))


def integer(text: str) -> object:
    """A whole number if the text is one; any other text is returned as it is, for the check to refuse."""
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 20 else text


def decimal(text: str) -> object:
    """A number if the text is one; any other text is returned as it is, for the check to refuse."""
    try:
        return float(text)
    except ValueError:
        return text


def prompt_within_limit(text: object) -> object:
    """Return the prompt as it was given. Raises ValueError for what is no text, or too long."""
    shorter_than("Prompt", normalise(text), MAX_PROMPT)
    return text


def setting(param: str, make: Callable[..., Any], row: int, *, name: str = "", key: str = "", **how: Any) -> Field:
    """The control of a sampling setting, with the range of that setting where `how` does not narrow it."""
    f = SETTINGS[param]
    how = {"minimum": f.metadata["low"], "maximum": f.metadata["high"], "value": f.default, "min_width": 170, **how}
    return Field(
        name or param,
        partial(checked, f),
        partial(make, **how),
        key,
        decimal if f.type is float else integer,
        param,
        row,
    )


def number_of(title: str, low: int, high: int) -> Callable[[object], int]:
    """A check for whole numbers from `low` to `high`."""
    return partial(whole, title, low=low, high=high)


slider = partial(gr.Slider, buttons=[])

FIELDS: tuple[Field, ...] = (
    Field(
        "prompt",
        prompt_within_limit,
        partial(
            gr.Textbox,
            PROMPTS[0],
            label="Beginning",
            lines=3,
            max_lines=6,
            max_length=MAX_PROMPT,
            info="the models continue it, character by character",
        ),
    ),
    setting("temperature", slider, 1, step=0.01, label="Temperature", info="0 always takes the likeliest; 2 is wild"),
    setting("top_k", slider, 1, maximum=65, step=1, label="Top-k", info="only the k likeliest may be drawn; 0 is off"),
    setting(
        "top_p",
        slider,
        1,
        minimum=0.01,
        step=0.01,
        label="Top-p",
        info="only the likeliest that hold this share; 1 is off",
    ),
    setting(
        "max_new_tokens",
        slider,
        2,
        name="length",
        key="characters",
        value=300,
        step=1,
        label="Characters",
        info="how many to write",
    ),
    setting("seed", gr.Number, 2, precision=0, label="Seed", info="the same seed is the same luck"),
    Field(
        "method",
        partial(one_of, "Method", allowed=METHODS),
        partial(
            gr.Radio,
            [(title, name) for name, title in METHODS.items()],
            value="sample",
            label="Choice",
            min_width=220,
            info="draw each character, or search for the likeliest text",
        ),
        row=3,
    ),
    Field(
        "width",
        number_of("Beam width", 1, MAX_BEAM),
        partial(
            slider,
            1,
            MAX_BEAM,
            4,
            step=1,
            label="Beam width",
            min_width=140,
            visible=False,
            info="texts kept at each character",
        ),
        parse=integer,
        row=3,
    ),
    Field(
        "count",
        number_of("Sides", MIN_SIDES, MAX_SIDES),
        partial(
            gr.Radio,
            list(range(MIN_SIDES, MAX_SIDES + 1)),
            value=MIN_SIDES,
            label="Sides",
            min_width=170,
            info="models side by side",
        ),
        key="sides",
        parse=integer,
        row=2,
    ),
    Field(
        "colour",
        number_of("Colour", 0, MAX_SIDES),
        partial(
            gr.Radio,
            [("itself", 0), ("model 1", 1), ("model 2", 2)],
            value=0,
            label="Surprise by",
            min_width=280,
            info="whose bits tint the letters",
        ),
        parse=integer,
        row=3,
    ),
    *(
        # A model's name is looked up when the run begins: only then is it known which models there are.
        Field(f"model_{i}", lambda name: name, partial(gr.Dropdown, label=f"Model {i}", container=False))
        for i in range(1, MAX_SIDES + 1)
    ),
)
