"""The controls of a run, a row each: what a control shows, what it allows, and how a link writes it.

The rows build the inputs of the page, read links and check runs. A new control is a new row; one of a sampling
setting takes its range from the field of `SamplingParams`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from nanogpt.checks import checked, one_of, shorter_than, whole
from nanogpt.generation.beam import MAX_BEAM
from nanogpt.generation.sampling import COLDEST, SamplingParams
from nanogpt.playground.components.beginning import beginning
from nanogpt.playground.components.dial import dial
from nanogpt.playground.components.menu import menu
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
    title: str  # its label
    place: str  # where it stands on the page: in the "bar", under "more", or at the top of a "panel"
    check: Callable[[Any], Any]
    make: Callable[..., Any]  # makes its component from id and label, and what a caller adds
    key: str = ""  # its name in a link, where that is not `name`
    parse: Callable[[str], object] = str  # the text in a link → a value for `check`
    param: str = ""  # the field of SamplingParams that it sets

    def build(self, **more: Any) -> Any:
        """Its component, inside the current Blocks."""
        return self.make(self.name, self.title, **more)

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


def setting(
    param: str, title: str, place: str, info: str, *, name: str = "", key: str = "", term: str = "", **how: Any
) -> Field:
    """The dial of a sampling setting, with the range of that setting where `how` does not narrow it."""
    f = SETTINGS[param]
    how = {"minimum": f.metadata["low"], "maximum": f.metadata["high"], "value": f.default, "step": 1, **how}
    return Field(
        name or param,
        title,
        place,
        partial(checked, f),
        partial(dial, info=info, term=term or title.lower(), **how),
        key,
        decimal if f.type is float else integer,
        param,
    )


def number_of(title: str, low: int, high: int) -> Callable[[object], int]:
    """A check for whole numbers from `low` to `high`."""
    return partial(whole, title, low=low, high=high)


def without_effect(method: str, temperature: float) -> dict[str, str]:
    """The controls that change nothing with this method at this temperature, and why, by name."""
    if method == "beam":
        return dict.fromkeys(("temperature", "top_k", "top_p", "seed"), "beam search draws nothing")
    reasons = {"width": "only beam search has a width"}
    if temperature < COLDEST:
        reasons |= dict.fromkeys(("top_k", "top_p", "seed"), "at temperature 0 nothing is drawn")
    return reasons


FIELDS: tuple[Field, ...] = (
    Field(
        "prompt",
        "Beginning",
        "bar",
        prompt_within_limit,
        partial(
            beginning,
            value=PROMPTS[0],
            examples=PROMPTS,
            info="Enter runs, Shift+Enter makes a new line",
            term="beginning",
        ),
    ),
    setting("temperature", "Temperature", "bar", "0 always takes the likeliest; 2 is wild", step=0.01),
    setting("top_k", "Top-k", "more", "only the k likeliest may be drawn; 0 is off", maximum=65),
    setting("top_p", "Top-p", "more", "only the likeliest that hold this share; 1 is off", minimum=0.01, step=0.01),
    setting(
        "max_new_tokens",
        "Characters",
        "more",
        "how many to write",
        name="length",
        key="characters",
        term="character",
        value=300,
    ),
    setting("seed", "Seed", "more", "the same seed is the same luck", slider=False),
    Field(
        "method",
        "Choice",
        "more",
        partial(one_of, "Method", allowed=METHODS),
        partial(
            menu,
            choices=[(title, name) for name, title in METHODS.items()],
            value="sample",
            info="draw each character, or search for the likeliest text",
            term="beam search",
        ),
    ),
    Field(
        "width",
        "Beam width",
        "more",
        number_of("Beam width", 1, MAX_BEAM),
        partial(
            dial,
            minimum=1,
            maximum=MAX_BEAM,
            step=1,
            value=4,
            info="texts kept at each character",
            disabled=without_effect("sample", 1)["width"],
            term="beam width",
        ),
        parse=integer,
    ),
    Field(
        "count",
        "Sides",
        "more",
        number_of("Sides", MIN_SIDES, MAX_SIDES),
        partial(
            menu,
            choices=[(str(n), n) for n in range(MIN_SIDES, MAX_SIDES + 1)],
            value=MIN_SIDES,
            info="models side by side",
        ),
        key="sides",
        parse=integer,
    ),
    Field(
        "colour",
        "Surprise by",
        "more",
        number_of("Colour", 0, MAX_SIDES),
        partial(
            menu,
            choices=[("itself", 0), ("model 1", 1), ("model 2", 2)],
            value=0,
            info="whose bits tint the letters",
            term="surprise",
        ),
        parse=integer,
    ),
    *(
        # A model's name is looked up when the run begins: only then is it known which models there are.
        Field(
            f"model_{i}", f"Model {i}", "panel", lambda name: name, partial(menu, choices=[], value=None, compact=True)
        )
        for i in range(1, MAX_SIDES + 1)
    ),
)
