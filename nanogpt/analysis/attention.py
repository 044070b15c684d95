"""The attention weights of every head, and what they weigh, captured with forward hooks.

Knows `CausalSelfAttention`; never changes a model.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nanogpt.analysis.parts import layers_of, twin
from nanogpt.analysis.residual import projection_of
from nanogpt.checks import whole
from nanogpt.generation.reader import MAX_CONTEXT
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import window_batches
from nanogpt.models.layers import CausalSelfAttention, attention_weights
from nanogpt.text.spelling import Spelling, with_warnings


def attention_layers(model: nn.Module) -> list[CausalSelfAttention]:
    """The attention layers of a model, from the first to the last; none for an n-gram."""
    return [layer.attention for layer in layers_of(model)]


@contextmanager
def captured_attention(model: nn.Module) -> Iterator[list[tuple[Tensor, Tensor]]]:
    """Collect each layer's weights (B, n_head, T, T) and values (B, n_head, T, head_dim), in order, from the forward
    passes made inside the block.

    A hook takes the layer's own q, k and v, from the very input it was called with, and asks `attention_weights` for
    the matrix that the fused kernel never shows. Give it a `twin` where other threads use the model.
    """
    found: list[tuple[Tensor, Tensor]] = []

    def keep(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(layer, CausalSelfAttention)
        q, k, v = layer.query_key_value(inputs[0])
        found.append((attention_weights(q, k, layer.scale), v))

    handles = [layer.register_forward_hook(keep) for layer in attention_layers(model)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def attention_patterns(model: LanguageModel, ids: Sequence[int], context: int = 0) -> Tensor:
    """How much each character of ids (the last block_size of them) looks at each other one.

    Returns (n_layer, n_head, T, T): [layer, head, row, column] is the weight with which the character `row`
    reads the character `column`; each row sums to 1. With a `context` above 0 a character looks back at most so many
    characters; all further weights are exactly 0. Raises ValueError for a model without attention.
    """
    return patterns_and_norms(model, ids, context)[0]


@torch.inference_mode()
def patterns_and_norms(model: LanguageModel, ids: Sequence[int], context: int = 0) -> tuple[Tensor, Tensor]:
    """The weights of `attention_patterns`, and what a weight on each character is worth, (n_layer, n_head, T).

    The latter is the length of value · output projection: how much a head would add to the stream if it looked at this
    character only. It is 0 for a head that is off. With a context, a character's value is that in the window in which
    what follows it was predicted.
    """
    layers = attention_layers(model)
    if not layers:
        raise ValueError("This model has no attention.")
    text = torch.tensor(list(ids)[-model.block_size :], device=model.device)
    T = len(text)
    weights, norms = torch.zeros(len(layers), layers[0].n_head, T, T), []
    looked_at = twin(model)
    for starts, skipped, batch in window_batches(text, min(context or model.block_size, model.block_size)):
        with captured_attention(looked_at) as found:
            looked_at(batch)
        size = batch.size(1)
        patterns = torch.stack([pattern for pattern, _ in found], dim=1).cpu()
        for start, pattern in zip(starts.tolist(), patterns, strict=True):
            weights[:, :, start + skipped : start + size, start : start + size] = pattern[:, :, skipped:]
        added = [_added(layer, value[:, :, skipped:]) for layer, (_, value) in zip(layers, found, strict=True)]
        norms.append(torch.stack(added).cpu())
    return weights, torch.cat(norms, dim=-1)


def _added(layer: CausalSelfAttention, value: Tensor) -> Tensor:
    """The length of value · output projection of values (N, n_head, S, head_dim), as (n_head, N · S)."""
    projection, _ = projection_of(layer, value.transpose(1, 2).flatten(2))
    return torch.linalg.vector_norm(torch.einsum("nhsd,hdc->hnsc", value, projection), dim=-1).flatten(1)


def attention(model: TextModel, text: str | Spelling, context: int = 0) -> Tensor:
    """Which characters of a text each character looks at, in every head: (n_layer, n_head, T, T), rows that sum to 1.

    Of a text of more than block_size characters only the last block_size are read. With a `context` above 0 the model
    looks back at most so many characters, as in `generate`. Characters that the model does not know are left out,
    after a UserWarning; a text that `model.read_text` has read gives no warning. Raises ValueError for a model without
    attention, for a text of which nothing is left, and for a context out of range.
    """
    spelt = with_warnings(text, model.read_text(text))
    if not spelt.ids:
        raise ValueError("The text holds no character that the model knows.")
    return attention_patterns(model.model, spelt.ids, whole("Context", context, 0, MAX_CONTEXT))
