"""The parts of a transformer: which ones a model has, and the same model without some of them.

A part is a head or an MLP. It is named by its layer: "2.3" is head 3 of layer 2, "2.mlp" its MLP; both count from 1.
Knows attention layers and MLPs. The models know nothing of this: a twin is edited from outside, so whoever else uses
the model never sees it.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from nanogpt.checks import shown
from nanogpt.generation.text_model import TextModel
from nanogpt.models.layers import MLP, CausalSelfAttention

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of a model: the module that holds its parts, its attention, and its MLP if it has one."""

    holder: nn.Module
    attention: CausalSelfAttention
    mlp: MLP | None


def layers_of(model: nn.Module) -> list[Layer]:
    """The layers of a model, from the first to the last; none for an n-gram."""
    found = []
    for module in model.modules():
        attention = getattr(module, "attn", None)
        if isinstance(attention, CausalSelfAttention):
            found.append(Layer(module, attention, getattr(module, "mlp", None)))
    return found


def part_names(model: nn.Module) -> list[str]:
    """The parts of a model, layer by layer: its heads, then its MLP. Empty for an n-gram."""
    names = []
    for i, layer in enumerate(layers_of(model), start=1):
        names += [f"{i}.{head}" for head in range(1, layer.attention.n_head + 1)]
        names += [f"{i}.mlp"] if layer.mlp is not None else []
    return names


def read_parts(model: TextModel, given: str | Iterable[str]) -> list[str]:
    """The parts that a list names, in the model's order, each once.

    Besides single parts, "2" names all parts of layer 2, "attention" all heads, and "mlps" all MLPs. A string holds
    names divided by commas or spaces. Raises ValueError for a name that the model does not have.
    """
    if not isinstance(given, str | Iterable):
        raise ValueError(f"Parts to switch off must be a text or a list of texts; got {shown(given)}.")
    words = given.replace(",", " ").split() if isinstance(given, str) else list(given)
    names = part_names(model.model)
    if words and not names:
        raise ValueError(f"The {model.title} has no heads and no MLPs that could be switched off.")
    chosen: set[str] = set()
    for word in words:
        meant = [name for name in names if _names(word, name)]
        if not meant:
            allowed = f"{names[0]} to {names[-1]}, a layer's number, attention or mlps"
            raise ValueError(f"Parts to switch off are {allowed}; got {shown(word)}.")
        chosen.update(meant)
    return [name for name in names if name in chosen]


def _names(word: str, name: str) -> bool:
    """Does this word of a list name this part, or a group to which the part belongs?"""
    layer, _, part = name.partition(".")
    return word in (name, layer, "mlps" if part == "mlp" else "attention")


def twin(model: M) -> M:
    """New modules around the same weights: hooks on the twin never touch the model that others are using."""
    shared = {id(t): t for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, memo=shared)


class Nothing(nn.Module):
    """In place of a part that is off: it adds 0 to the residual stream."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class ProjectionWithout(nn.Module):
    """An attention layer's output projection, to which some of its heads send 0."""

    kept: Tensor

    def __init__(self, layer: CausalSelfAttention, off: Sequence[int], device: torch.device):
        super().__init__()
        self.c_proj = layer.c_proj
        kept = torch.ones(layer.n_head, layer.head_dim, device=device)
        kept[list(off)] = 0
        self.register_buffer("kept", kept.flatten(), persistent=False)

    def forward(self, y: Tensor) -> Tensor:
        return self.c_proj(y * self.kept)


def without(model: TextModel, off: str | Iterable[str]) -> TextModel:
    """The same model without some of its parts (see `read_parts` for their names); the given model stays as it is.

    A part that is off adds nothing to the residual stream (zero ablation); later layers read what is left. Where all
    heads of a layer are off, the bias of its output projection is off too. Everything that takes a model takes this
    one. Raises ValueError for a name that the model does not have.
    """
    names = read_parts(model, off)
    if not names:
        return model
    edited = twin(model.model)
    for i, layer in enumerate(layers_of(edited), start=1):
        heads = [head for head in range(layer.attention.n_head) if f"{i}.{head + 1}" in names]
        if len(heads) == layer.attention.n_head:
            layer.attention.c_proj = Nothing()  # type: ignore[assignment]  # anything that maps (B, T, C) to the same
        elif heads:
            layer.attention.c_proj = ProjectionWithout(layer.attention, heads, edited.device)  # type: ignore[assignment]
        if f"{i}.mlp" in names:
            layer.holder.mlp = Nothing()
    return replace(model, model=edited)
