"""The attention weights of every head, and what they weigh, captured with forward hooks.

Knows `CausalSelfAttention`; never changes a model.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nanogpt.analysis.parts import layers_of, twin
from nanogpt.analysis.residual import projection_of
from nanogpt.checks import whole
from nanogpt.generation.continuation import MAX_CONTEXT
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import window_batches
from nanogpt.models.layers import CausalSelfAttention, attention_weights
from nanogpt.text.spelling import Spelling, with_warnings


def attention_layers(model: nn.Module) -> list[CausalSelfAttention]:
    """The attention layers of a model, from the first to the last; none for an n-gram."""
    return [layer.attention for layer in layers_of(model)]


def weights_of(layer: CausalSelfAttention, x: Tensor) -> Tensor:
    """The weights (B, n_head, T, T) of a layer that reads x (B, T, C): the matrix that the fused kernel never shows."""
    q, k, _ = layer.query_key_value(x)
    return attention_weights(q, k, layer.scale)


@contextmanager
def captured_attention(
    model: nn.Module, look: Callable[[CausalSelfAttention, Tensor], Tensor] = weights_of
) -> Iterator[list[Tensor]]:
    """Collect each layer's weights (B, n_head, T, T), in order, from the forward passes made inside the block.

    `look` may make something else of a layer and of x (B, T, C), the very input that it was called with. Give it a
    `twin` where other threads use the model.
    """
    found: list[Tensor] = []

    def keep(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(layer, CausalSelfAttention)
        found.append(look(layer, inputs[0]))

    handles = [layer.register_forward_hook(keep) for layer in attention_layers(model)]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def attention_patterns(model: LanguageModel, ids: Sequence[int], context: int = 0) -> Tensor:
    """How much each character of ids (the last block_size of them) looks at each other one.

    Returns (n_layer, n_head, T, T): [layer, head, row, column] is the weight with which the character `row`
    reads the character `column`; each row sums to 1. With a `context` above 0 a character looks back at most so many
    characters; all further weights are exactly 0. Raises ValueError for a model without attention.
    """
    layers = attention_layers(model)
    if not layers:
        raise ValueError("This model has no attention.")
    text = torch.tensor(list(ids)[-model.block_size :], device=model.device)
    T = len(text)
    weights = torch.zeros(len(layers), layers[0].n_head, T, T)
    looked_at = twin(model)
    for starts, skipped, batch in window_batches(text, min(context or model.block_size, model.block_size)):
        with captured_attention(looked_at) as patterns:
            looked_at(batch)
        size = batch.size(1)
        for start, pattern in zip(starts.tolist(), torch.stack(patterns, dim=1).cpu(), strict=True):
            weights[:, :, start + skipped : start + size, start : start + size] = pattern[:, :, skipped:]
    return weights


@torch.inference_mode()
def value_norms(model: TextModel, ids: Sequence[int], context: int = 0) -> Tensor:
    """How much each head would add to the stream for each character if it looked at nothing else, (n_layer, n_head, T).

    That is the length of value · output projection, by which a weight on this character is multiplied; 0 for a head
    that is off. Of ids the last block_size are read. With a `context` above 0 each character is read in the window in
    which what follows it was predicted. Raises ValueError for a model without attention.
    """
    layers = attention_layers(model.model)
    if not layers:
        raise ValueError("This model has no attention.")
    text = torch.tensor(list(ids)[-model.block_size :], device=model.model.device)
    looked_at, rows = twin(model.model), []
    for _, skipped, batch in window_batches(text, min(context or model.block_size, model.block_size)):
        with captured_attention(looked_at, lambda layer, x: layer.query_key_value(x)[2]) as values:
            looked_at(batch)
        found = []
        for layer, value in zip(layers, values, strict=True):
            projection, _ = projection_of(layer, value.transpose(1, 2).flatten(2))
            added = torch.einsum("nhsd,hdc->hnsc", value[:, :, skipped:], projection)
            found.append(torch.linalg.vector_norm(added, dim=-1).flatten(1))  # (n_head, N · rows)
        rows.append(torch.stack(found).cpu())
    return torch.cat(rows, dim=-1)


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
