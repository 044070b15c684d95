"""Starting from a checkpoint: its architecture, its weights and its vocabulary, which may grow.

Knows checkpoints, configs and texts; takes no step.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nanogpt.models import build_model, config_values, kind_of
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import read_model, read_outline
from nanogpt.storage.hub import located
from nanogpt.text.tokenizer import CharTokenizer


def architecture(source: str) -> dict[str, Any]:
    """The kind and the config of a checkpoint as options of a run: `model`, `n_layer`, …

    Raises CheckpointError or HubError.
    """
    model, _ = read_outline(located(source)[1])
    values = {
        name: value for name, value in config_values(model.config).items() if name not in ("vocab_size", "dropout")
    }
    return {"model": kind_of(model.config), **values}


def load_origin(source: str, text: str | None = None) -> tuple[LanguageModel, CharTokenizer, str]:
    """The model of a checkpoint, its tokenizer, and what is to be said of the download.

    The characters of `text` that it does not know become its last ids. Raises CheckpointError, HubError or ValueError.
    """
    _, folder, notice = located(source)
    model, tokenizer = read_model(folder)
    new = sorted(set(text or "") - set(tokenizer.chars))
    if new:
        model, tokenizer = grown(model, len(new)), CharTokenizer([*tokenizer.chars, *new])
    return model, tokenizer, notice


def grown(model: LanguageModel, count: int) -> LanguageModel:
    """The model with `count` more characters; for the others, its logits are what they were.

    Each row, and each column of a table, of a new character is the mean of the others, so that it begins as an average
    character. Raises ValueError for a trigram, whose pairs of characters have no such rows.
    """
    if kind_of(model.config) == "trigram":
        raise ValueError(
            "grow_vocabulary: the rows of a trigram are pairs of characters; train it on the text instead."
        )
    before = model.vocab_size
    larger = build_model(replace(model.config, vocab_size=before + count))  # type: ignore[type-var]  # a dataclass
    with torch.no_grad():
        for p, old in zip(larger.parameters(), model.parameters(), strict=True):
            p.copy_(_with_means(old, p.shape))
    return larger.eval()


def _with_means(old: Tensor, shape: torch.Size) -> Tensor:
    """`old` with rows, and then columns, added up to `shape`; each is the mean of those that were there."""
    for dim, size in enumerate(shape):
        mean = old.mean(dim, keepdim=True)
        old = torch.cat([old, *[mean] * (size - old.size(dim))], dim)
    return old
