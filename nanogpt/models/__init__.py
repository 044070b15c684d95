"""The table of models. Adding one is a file beside these and a row here.

Every model has `.config` (with `block_size`, `vocab_size`), `forward(idx, cache=None, rows=0) -> logits (B, T, V)`
(those after the last `rows` characters only, unless that is 0) and `new_cache(batch_size) -> KVCache | None`.
Loss, sampling, optimisation and files are not its business.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from torch import nn

from nanogpt.models.bigram import Bigram, BigramConfig
from nanogpt.models.gpt import GPT, GPTConfig
from nanogpt.models.mlp import WindowMLP, WindowMLPConfig
from nanogpt.models.self_attention import SelfAttention, SelfAttentionConfig
from nanogpt.models.trigram import Trigram, TrigramConfig


@dataclass(frozen=True)
class Row:
    """One kind of model: its config, its class, and what to call it on the page."""

    config: type[Any]
    model: type[nn.Module]
    title: str


MODELS: dict[str, Row] = {
    "bigram": Row(BigramConfig, Bigram, "Bigram"),
    "trigram": Row(TrigramConfig, Trigram, "Trigram"),
    "mlp": Row(WindowMLPConfig, WindowMLP, "MLP"),
    "self_attention": Row(SelfAttentionConfig, SelfAttention, "Self-attention"),
    "gpt": Row(GPTConfig, GPT, "GPT"),
}


def make_config(kind: str, values: dict[str, Any]) -> Any:
    """The checked config of a model. Raises ValueError, naming the field, on anything unknown or out of range."""
    if kind not in MODELS:
        raise ValueError(f"Unknown model; the models are {', '.join(MODELS)}.")
    known = {f.name for f in fields(MODELS[kind].config)}
    if extra := sorted(set(values) - known):
        raise ValueError(f"Unknown field of {kind}: {', '.join(map(ascii, extra[:5]))}.")
    try:
        return MODELS[kind].config(**values)
    except TypeError as error:
        raise ValueError(f"The config of {kind} is incomplete: {error}.") from error


def build_model(config: Any) -> nn.Module:
    """A new model of this config, with fresh weights."""
    return MODELS[kind_of(config)].model(config)


def kind_of(config: Any) -> str:
    """The name in `MODELS` under which this config stands."""
    return next(kind for kind, row in MODELS.items() if type(config) is row.config)


def config_values(config: Any) -> dict[str, Any]:
    """The config as plain JSON values; `make_config` is the inverse."""
    return asdict(config)
