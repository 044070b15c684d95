"""The attention weights of every head, captured with forward hooks.

Knows `CausalSelfAttention`; never changes a model.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.layers import CausalSelfAttention, attention_weights
from nanogpt.text.spelling import Spelling, with_warnings

M = TypeVar("M", bound=nn.Module)


def attention_layers(model: nn.Module) -> list[CausalSelfAttention]:
    """The attention layers of a model, from the first to the last; none for an n-gram."""
    return [m for m in model.modules() if isinstance(m, CausalSelfAttention)]


def twin(model: M) -> M:
    """New modules around the same weights: hooks on the twin never touch the model that others are using."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, memo=shared)


@contextmanager
def captured_attention(model: nn.Module) -> Iterator[list[Tensor]]:
    """Collect each layer's weights (B, n_head, T, T), in order, from the forward passes made inside the block.

    A hook takes the layer's own q and k, from the very input it was called with, and asks `attention_weights`
    for the matrix that the fused kernel never shows. Give it a `twin` where other threads use the model.
    """
    patterns: list[Tensor] = []

    def keep(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(layer, CausalSelfAttention)
        q, k, _ = layer.query_key_value(inputs[0])
        patterns.append(attention_weights(q, k, layer.scale))

    handles = [layer.register_forward_hook(keep) for layer in attention_layers(model)]
    try:
        yield patterns
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def attention_patterns(model: LanguageModel, ids: Sequence[int]) -> Tensor:
    """How much each character of ids (the last block_size of them) looks at each other one.

    Returns (n_layer, n_head, T, T): [layer, head, row, column] is the weight with which the character `row`
    reads the character `column`; each row sums to 1. Raises ValueError for a model without attention.
    """
    if not attention_layers(model):
        raise ValueError("This model has no attention.")
    idx = torch.tensor([list(ids)[-model.block_size :]], device=model.device)
    looked_at = twin(model)
    with captured_attention(looked_at) as patterns:
        looked_at(idx)
    return torch.cat(patterns).cpu()


def attention(model: TextModel, text: str | Spelling) -> Tensor:
    """Which characters of a text each character looks at, in every head: (n_layer, n_head, T, T), rows that sum to 1.

    Of a text of more than block_size characters only the last block_size are read. Characters that the model does not
    know are left out, after a UserWarning; a text that `model.read_text` has read gives no warning. Raises ValueError
    for a model without attention, and for a text of which nothing is left.
    """
    spelt = with_warnings(text, model.read_text(text))
    if not spelt.ids:
        raise ValueError("The text holds no character that the model knows.")
    return attention_patterns(model.model, spelt.ids)
