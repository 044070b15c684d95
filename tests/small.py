"""Small models with random weights, one for each row of the table."""

from dataclasses import fields
from typing import Any

from randomised import randomise

from nanogpt.models import MODELS, build_model, make_config
from nanogpt.models.base import LanguageModel

# Widths are multiples of 8, as in every shipped model: rows of other widths round by where they lie in memory.
SMALL = {"vocab_size": 11, "block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 16, "n_context": 5, "n_vector": 8}
# Every row of the table, the GPT as nanoGPT has it, and one that a small MLP tells of the characters just before.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {kind: (kind, {}) for kind in MODELS}
VARIANTS["gpt"] = ("gpt", {"n_context": 1})
VARIANTS["gpt-as-nanogpt"] = (
    "gpt",
    {"n_context": 1, "position": "learned", "activation": "gelu", "qk_norm": False, "tie_weights": True, "bias": True},
)
VARIANTS["gpt-in-context"] = ("gpt", {})


def build(variant: str, seed: int = 0, **values: Any) -> LanguageModel:
    kind, more = VARIANTS[variant]
    known = {f.name for f in fields(MODELS[kind].config)}
    given = {name: value for name, value in {**SMALL, **more, **values}.items() if name in known}
    return randomise(build_model(make_config(kind, given)), seed)
