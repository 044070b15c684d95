"""How each character of a text was drawn: its likeliest rivals, their log-probabilities, their noise.

All characters of a text at once, in whole tensors: character by character, `alternatives` and `trace` give the same
numbers. Knows models with their tokenizers, and logits; runs no model that was run before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nanogpt.analysis.score import logits_before
from nanogpt.generation.sampling import SamplingParams, allowed_logits
from nanogpt.generation.text_model import TextModel

LIKELIEST = 8  # characters that a draw shows, beside the one that was written


@dataclass(frozen=True, eq=False)
class Draws:
    """The draws of n characters. Each has k columns: the likeliest characters in order, then the one in the text.

    Logarithms are natural, −inf for a probability of 0; all numbers but ids and ranks are float64.
    """

    ids: Tensor  # (n, k) int64; the last column repeats one of the others where that was written
    raw: Tensor  # (n, k): ln of the model's own probability
    tempered: Tensor  # (n, k): ln of the probability after the temperature
    kept: Tensor  # (n, k): ln of the probability after the cut
    noise: Tensor | None  # (n, k); None where nothing was drawn
    others: Tensor  # (m, n, k): ln of the raw probability under each other model; −inf where it lacks the character
    rank: Tensor  # (n,) int64: the place of the character in the text among all, from 1


def read_logits(judge: TextModel, prompt: str, text: str) -> Tensor:
    """The logits (n, V) of a model before each character of `text` after `prompt`, by the window rule of generation.

    A model of another vocabulary reads what it knows of the text.
    """
    known = torch.tensor([char in judge.tokenizer.ids for char in text])
    ids = [judge.tokenizer.ids[char] for char in text if char in judge.tokenizer.ids]
    context = judge.read_prompt(prompt).ids
    if known.all():
        return logits_before(judge.model, context, ids)
    rows = logits_before(judge.model, context, [*ids, judge.tokenizer.start_id])  # one more row: after all of it
    return rows[known.cumsum(0) - known.long()]


def prompt_logits(judge: TextModel, prompt: str) -> Tensor:
    """The logits (n, V) of a model before each character of a prompt; the first one follows a newline."""
    first = logits_before(judge.model, [judge.tokenizer.start_id], [0])
    return torch.cat((first, read_logits(judge, prompt[:1], prompt[1:]))) if prompt[1:] else first[: len(prompt)]


def draws_of(
    model: TextModel,
    logits: Tensor,
    ids: Sequence[int],
    params: SamplingParams,
    noise: Tensor | None = None,
    others: Sequence[tuple[TextModel, Tensor]] = (),
) -> Draws:
    """The draws of the characters `ids` (n,) from a model's logits (n, V).

    Args:
        noise: of each character, (n, V); None where nothing was drawn.
        others: further models, each with its logits (n, its own V) before the same characters.
    """
    logits = logits.double()
    allowed = allowed_logits(logits, params)
    tempered = allowed if params.greedy else logits / params.temperature  # at temperature 0 its limit
    written = torch.tensor(list(ids)).unsqueeze(-1)
    order = logits.sort(descending=True, stable=True).indices
    shown = torch.cat((order[:, :LIKELIEST], written), dim=-1)
    return Draws(
        ids=shown,
        raw=logits.log_softmax(-1).gather(-1, shown),
        tempered=tempered.log_softmax(-1).gather(-1, shown),
        kept=allowed.log_softmax(-1).gather(-1, shown),
        noise=None if noise is None else noise.gather(-1, shown),
        others=torch.stack([_raw_under(other, rows, model, shown) for other, rows in others])
        if others
        else torch.empty(0, *shown.shape, dtype=torch.float64),
        rank=1 + (order == written).int().argmax(-1),
    )


def _raw_under(other: TextModel, logits: Tensor, model: TextModel, shown: Tensor) -> Tensor:
    """ln of the raw probability that another model gives to characters of `model` (n, k)."""
    theirs = torch.tensor([other.tokenizer.ids.get(char, -1) for char in model.tokenizer.chars])[shown]
    raw = logits.double().log_softmax(-1).gather(-1, theirs.clamp(min=0))
    return raw.masked_fill(theirs < 0, -torch.inf)
