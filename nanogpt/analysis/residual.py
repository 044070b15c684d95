"""The residual stream of a transformer: what each layer, head and MLP adds to it, captured from outside.

The stream is a vector for each character. The embeddings begin it, each head and each MLP adds to it, and the final
norm and the head of the model read it. Knows layers; never changes a model.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nanogpt.analysis.parts import Layer, layers_of, twin
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import window_batches
from nanogpt.models.layers import Block, CausalSelfAttention, LayerNorm


@dataclass(frozen=True, eq=False)
class Stream:
    """The residual stream of N windows of S characters each. All tensors are (N, S, C), one for each layer in a list.

    The last three lists name the places in the order of the computation.
    """

    skipped: int  # what follows so many characters of each window was predicted in another window
    entering: Tensor  # what the embeddings brought
    heads: list[Tensor]  # all heads' outputs, side by side, before the projection
    attended: list[Tensor]  # the stream after the layer's attention
    after: list[Tensor]  # the stream after the layer's MLP

    def rows(self, x: Tensor) -> Tensor:
        """Of x (…, N, S, C) the rows that were predicted here, (…, n, C)."""
        return x[..., self.skipped :, :].flatten(-3, -2)


class Observed(nn.Module):
    """Around a module: keeps the input of its last call. A packed layer has no copy that a hook could be set on."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module
        self.seen = torch.empty(0)

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        return self.module(x)


@torch.inference_mode()
def residual_streams(model: LanguageModel, text: Tensor, context: int = 0) -> list[Stream]:
    """The residual stream of a text (T,) of at most block_size characters, window by window.

    A `context` above 0 is a window of so many characters.
    """
    observed, streams = twin(model), []
    with _observers(observed) as seen:
        for _, skipped, batch in window_batches(text, min(context or model.block_size, model.block_size)):
            observed(batch)
            attended = [layer["entering"] + layer["attention"] for layer in seen]
            after = [x + layer["mlp"] if "mlp" in layer else x for x, layer in zip(attended, seen, strict=True)]
            heads = [layer["heads"].seen for layer in seen]
            streams.append(Stream(skipped, seen[0]["entering"], heads, attended, after))
    return streams


@contextmanager
def _observers(model: nn.Module) -> Iterator[list[dict[str, Any]]]:
    """For each layer of a twin what its last call read and added: "entering", "heads", "attention", "mlp"."""
    layers = layers_of(model)
    seen: list[dict[str, Any]] = [{} for _ in layers]

    def keep_input(found: dict[str, Any]) -> Any:
        return lambda module, inputs: found.update(entering=inputs[0])

    def keep_output(found: dict[str, Any], name: str) -> Any:
        return lambda module, inputs, output: found.update({name: output})

    handles = []
    for layer, found in zip(layers, seen, strict=True):
        found["heads"] = Observed(layer.attention.c_proj)
        layer.attention.c_proj = found["heads"]  # the twin's own: the model keeps its projection
        stream_reader = layer.holder if isinstance(layer.holder, Block) else layer.attention
        handles.append(stream_reader.register_forward_pre_hook(keep_input(found)))
        handles.append(layer.attention.register_forward_hook(keep_output(found, "attention")))
        if layer.mlp is not None:
            handles.append(layer.mlp.register_forward_hook(keep_output(found, "mlp")))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def joined(streams: Sequence[Stream]) -> Stream:
    """The rows of several batches of windows as one stream, whose tensors are (T, C)."""
    layers = range(len(streams[0].after))
    return Stream(
        0,
        torch.cat([s.rows(s.entering) for s in streams]),
        [torch.cat([s.rows(s.heads[i]) for s in streams]) for i in layers],
        [torch.cat([s.rows(s.attended[i]) for s in streams]) for i in layers],
        [torch.cat([s.rows(s.after[i]) for s in streams]) for i in layers],
    )


def matrix_of(linear: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix (n_in, n_out) and the bias (n_out,) of a linear map that reads x (…, n_in).

    They are found by asking it, for a packed layer shows no weight. Products with 0 and 1 are exact, so these are its
    very weights, up to the rounding of adding its bias.
    """
    unit = torch.eye(x.size(-1), dtype=x.dtype, device=x.device)
    bias = linear(torch.zeros_like(unit[:1]))[0]
    return linear(unit) - bias, bias


def projection_of(attention: CausalSelfAttention, x: Tensor) -> tuple[Tensor, Tensor]:
    """How each head's output reaches the stream x: (n_head, head_dim, C), 0 for a head that is off; the bias (C,)."""
    matrix, bias = matrix_of(attention.c_proj, x)
    return matrix.unflatten(0, (attention.n_head, attention.head_dim)), bias


def readout_of(model: nn.Module) -> tuple[LayerNorm, nn.Module]:
    """The final norm and the head of a model: together they make logits of the stream."""
    norm = next(module for name, module in model.named_modules() if name.rpartition(".")[2] == "ln_f")
    head = model.lm_head
    assert isinstance(norm, LayerNorm)
    assert isinstance(head, nn.Module)
    return norm, head


def logits_of(model: nn.Module, x: Tensor) -> Tensor:
    """The logits (…, V) in float32 that a model's final norm and head make of a stream x (…, C)."""
    norm, head = readout_of(model)
    logits: Tensor = head(norm(x))
    return logits.float()


def mlp_after(layer: Layer, attended: Tensor) -> Tensor:
    """The stream after a layer, from the stream (…, C) after its attention."""
    if layer.mlp is None:
        return attended
    assert isinstance(layer.holder, Block)
    return attended + layer.holder.mlp(layer.holder.ln_2(attended))
