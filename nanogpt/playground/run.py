"""A run as the page asks for it: the values of its controls, checked. Knows no component and no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanogpt.checks import one_of, shown, whole
from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.fields import FIELDS, MAX_SIDES

# How a run comes to the page: cut short while a slider is held, seldom drawn while the text changes under a slider, or
# drawn as it is written.
PACES = ("preview", "moved", "whole")


def read_request(request: Any) -> tuple[int, str]:
    """The id and the pace of a request, which page.js makes. Raises ValueError for anything else."""
    if not isinstance(request, dict):
        raise ValueError(f"A request must be an id and a pace; got {shown(request)}.")
    return whole("Request", request.get("id"), 1, 2**53 - 1), one_of("Pace", request.get("pace"), PACES)


@dataclass(frozen=True)
class Run:
    """The checked values of the controls."""

    prompt: str
    params: SamplingParams
    method: str  # a key of METHODS
    width: int  # of a beam search
    colour: int  # whose bits tint the characters: 0, each side's own model; else the number of a side
    names: list[str]  # the models, a side each

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Run":
        """The run for the values of the controls, in the order of FIELDS. Raises ValueError with a written message."""
        read = {f.name: f.check(value) for f, value in zip(FIELDS, values, strict=True)}
        sides = read["count"]
        return cls(
            prompt=read["prompt"],
            params=SamplingParams(**{f.param: read[f.name] for f in FIELDS if f.param}),
            method=read["method"],
            width=read["width"],
            colour=min(read["colour"], sides),
            names=[read[f"model_{i}"] for i in range(1, MAX_SIDES + 1)][:sides],
        )

    @classmethod
    def of_models(cls, names: list[str], prompt: str, params: SamplingParams, beam: int = 0) -> "Run":
        """The run of these models with checked settings; a `beam` of 0 samples."""
        return cls(prompt, params, "beam" if beam else "sample", beam, 0, names)

    @property
    def beam(self) -> int:
        """The width of its beam search, 0 where it samples: as the command and the API write it."""
        return self.width if self.method == "beam" else 0
