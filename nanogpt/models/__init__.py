"""The table of models. Adding one is a file beside these, with a `LanguageModel` and its config, and a row here."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from nanogpt.models.base import LanguageModel
from nanogpt.models.bigram import Bigram, BigramConfig
from nanogpt.models.gpt import GPT, GPTConfig
from nanogpt.models.mlp import WindowMLP, WindowMLPConfig
from nanogpt.models.self_attention import SelfAttention, SelfAttentionConfig
from nanogpt.models.trigram import Trigram, TrigramConfig


@dataclass(frozen=True)
class Row:
    """One kind of model: its config, its class, and what to call it on the page."""

    config: type[Any]
    model: type[LanguageModel]
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


def build_model(config: Any) -> LanguageModel:
    """A new model of this config, with fresh weights."""
    return MODELS[kind_of(config)].model(config)


def kind_of(config: Any) -> str:
    """The name in `MODELS` under which this config stands."""
    return next(kind for kind, row in MODELS.items() if type(config) is row.config)


def config_values(config: Any) -> dict[str, Any]:
    """The config as plain JSON values; `make_config` is the inverse."""
    return asdict(config)
