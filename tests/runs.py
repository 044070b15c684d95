"""Runs of the Compare tab as tests need them."""

from typing import Any

from nanogpt.playground.fields import FIELDS
from nanogpt.playground.run import Run

DEFAULTS: dict[str, Any] = {
    "prompt": "ROMEO:\n", "temperature": 0.8, "top_k": 0, "top_p": 1, "length": 300, "seed": 1, "method": "sample",
    "width": 4, "count": 2, "colour": 0, "model_1": "bigram", "model_2": "gpt", "model_3": "mlp", "model_4": "gpt",
}  # fmt: skip


def run_with(**values: Any) -> Run:
    """The page's first run, with other values for the named controls."""
    return Run.of([{**DEFAULTS, **values}[f.name] for f in FIELDS])
