"""Dependence: what would become of the next character without each head and each MLP.

Each part in turn adds nothing to the stream (zero ablation, as `without` does), and all later layers read what is left.
The layers before a part do not change, so only the part's own layer and the later ones are computed again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nanogpt.analysis.moments import Moments, check_position, moments_of
from nanogpt.analysis.parts import Layer, layers_of, part_names
from nanogpt.analysis.residual import Stream, logits_of, mlp_after, projection_of
from nanogpt.checks import whole
from nanogpt.generation.generate import Watch
from nanogpt.generation.sampling import SamplingParams, allowed_logits, gumbel_noise
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import MOST_AT_ONCE
from nanogpt.text.spelling import Spelling, with_warnings


@dataclass(frozen=True, eq=False)
class Dependence:
    """The T moments of a text without each of K parts in turn. Tensors on the CPU."""

    parts: list[str]  # K
    next_p: Tensor  # (K, T): the probability of the next character without the part
    choice: Tensor  # (K, T) int64: what would be written without it


@dataclass(frozen=True)
class Effect:
    """What one part does to the next character."""

    part: str
    next: str
    p: float  # of `next`, by the whole model
    p_without: float  # of `next`, without the part
    choice: str  # what would be written by the whole model
    choice_without: str  # what would be written without the part


def dependence_of(
    model: TextModel,
    ids: Sequence[int],
    context: int = 0,
    *,
    params: SamplingParams | None = None,
    noise: Tensor | None = None,
    watched: Watch = iter,
) -> Dependence:
    """The next character at every position of ids without each part in turn; of ids the last block_size are read.

    Args:
        context: how many characters the model may look back, at most; 0 is all that it can.
        params, noise: the luck of a run: `choice` is then what `choose` takes with row t of noise (T, V), which is 0
            where nothing was drawn. Without them it is the likeliest.
        watched: every few parts pass through it; it may end the work by raising an error.

    Raises ValueError for a model without layers, for no ids, and for a context out of range.
    """
    return _dependence(model.model, moments_of(model, ids, context), params, noise, watched)


@torch.inference_mode()
def _dependence(
    model: LanguageModel, moments: Moments, params: SamplingParams | None, noise: Tensor | None, watched: Watch
) -> Dependence:
    next_p, choice = [], []
    done = 0
    for window in moments.windows:
        rows = slice(done, done + window.rows(window.entering).size(0))
        done = rows.stop
        p, chosen = [], []
        for final in watched(_finals_without(model, window)):
            logits = logits_of(model, window.rows(final))  # (some parts, rows, V)
            wanted = moments.next[rows].expand(logits.shape[:2])[..., None]
            p.append(logits.softmax(-1).gather(-1, wanted)[..., 0].cpu())
            chosen.append(choices(logits.cpu(), params, None if noise is None else noise[rows]))
        next_p.append(torch.cat(p))
        choice.append(torch.cat(chosen))
    return Dependence(part_names(model), torch.cat(next_p, dim=1), torch.cat(choice, dim=1))


def _finals_without(model: LanguageModel, window: Stream) -> Iterator[Tensor]:
    """The stream after the last layer without each part in turn, a few parts at a time: (some parts, N, S, C)."""
    layers = layers_of(model)
    at_once = max(1, MOST_AT_ONCE // (window.entering.size(0) * window.entering.size(1)))
    for i, layer in enumerate(layers):
        for some in _attended_without_heads(layer, window, i).split(at_once):
            yield _rest_of(layers[i + 1 :], mlp_after(layer, some.flatten(0, 1))).view(some.shape)
        if layer.mlp is not None:
            yield _rest_of(layers[i + 1 :], window.attended[i])[None]


def _attended_without_heads(layer: Layer, window: Stream, i: int) -> Tensor:
    """The stream after the attention of layer i without each of its heads, (n_head, N, S, C)."""
    before = window.after[i - 1] if i else window.entering
    projection, _ = projection_of(layer.attention, before)
    if len(projection) == 1:  # without its only head, the bias of the projection is gone too
        return before[None]
    z = window.heads[i].unflatten(-1, projection.shape[:2])  # (N, S, n_head, head_dim)
    return window.attended[i] - torch.einsum("nshd,hdc->hnsc", z, projection)


def _rest_of(layers: Sequence[Layer], x: Tensor) -> Tensor:
    """The stream after all of the layers, from the stream x (B, S, C) before them."""
    for layer in layers:
        x = layer.holder(x)
    return x


def choices(logits: Tensor, params: SamplingParams | None = None, noise: Tensor | None = None) -> Tensor:
    """What would be written from each row of logits (…, T, V): as `choose` does, or without params the likeliest."""
    if params is None:
        return logits.argmax(-1)
    allowed = allowed_logits(logits, params)
    return (allowed if noise is None else allowed + noise).argmax(-1)


def luck_of(params: SamplingParams, beginning: int, count: int, vocab_size: int) -> Tensor:
    """The noise with which a run drew the character after each of `count`, (count, V); 0 where nothing was drawn.

    The first `beginning` of the `count` characters are the run's beginning.
    """
    noise = torch.zeros(count, vocab_size, dtype=torch.float64)
    noise[beginning - 1 :] = gumbel_noise(params.seed, count - beginning + 1, vocab_size)
    return noise


def dependence(
    model: TextModel,
    text: str | Spelling,
    position: int = -1,
    *,
    context: int = 0,
    beginning: int = 0,
    watched: Watch = iter,
    **settings: Any,
) -> list[Effect]:
    """What would become of the next character without each head and each MLP, one after the other.

    The arguments, warnings and errors are those of `votes`, and:

    Args:
        beginning: how many characters of the text are the beginning of a run; the others were drawn by it. What would
            be written is then drawn with the same luck. With 0 it is the likeliest character.
        watched: as in `dependence_of`.
        settings: those of the run, as in `generate`.
    """
    params = SamplingParams(**settings)
    spelt = with_warnings(text, model.read_text(text))
    moments = moments_of(model, spelt.ids, context)
    count, total = len(moments.ids), len(spelt.ids)
    at = check_position(position, count)
    beginning = whole("Beginning", beginning, 0, total)
    drawn = params if beginning else None
    noise = luck_of(params, beginning, total, model.model.vocab_size)[-count:] if beginning else None
    found = _dependence(model.model, moments, drawn, noise, watched)
    own = choices(moments.logits.cpu(), drawn, noise)[at]
    chars, wanted = model.tokenizer.chars, int(moments.next[at])
    p = moments.logits[at].softmax(-1)[wanted].item()
    return [
        Effect(part, chars[wanted], p, p_without, chars[int(own)], chars[choice])
        for part, p_without, choice in zip(
            found.parts, found.next_p[:, at].tolist(), found.choice[:, at].tolist(), strict=True
        )
    ]
