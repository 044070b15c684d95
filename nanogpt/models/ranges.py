"""The ranges of the sizes that several models share, each written once. Knows no model."""

from dataclasses import MISSING
from typing import Any

from nanogpt.checks import option

RANGES: dict[str, tuple[float, float]] = {
    "vocab_size": (1, 65_536),
    "block_size": (1, 4096),
    "n_layer": (1, 48),
    "n_head": (1, 64),
    "n_embd": (1, 4096),
    "n_context": (1, 64),
    "n_vector": (1, 512),
    "dropout": (0, 0.9),
}


def size(name: str, default: Any = MISSING) -> Any:
    """A field of a model's config, with the range of that name and, where given, a default."""
    return option(default, "", *RANGES[name])
