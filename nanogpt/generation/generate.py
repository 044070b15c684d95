"""Ids in, a stream of steps out.

Knows the models' contract and names no model; knows ids, not text. The stream is a plain generator:
when nobody asks for the next step, no work is done.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nanogpt.generation.reader import Reader
from nanogpt.generation.sampling import SamplingParams, choose, gumbel_noise
from nanogpt.models.base import LanguageModel

# Gets each step of a run as it is taken, and may end the run by raising an error. `iter` does nothing but pass them on.
Watch = Callable[[Iterator[Any]], Iterator[Any]]
GUESSES = 6  # characters that a draft looks ahead


@dataclass(frozen=True)
class Step:
    """One new character: its place among the new ones, its id, and the raw logits (V,) it was drawn from."""

    position: int
    id: int
    logits: Tensor


def generate_steps(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    params: SamplingParams,
    *,
    cached: bool = True,
    draft: LanguageModel | None = None,
    context: int = 0,
) -> Iterator[Step]:
    """Continue `prompt_ids` (at least one id; only what fits the window is read) by params.max_new_tokens steps.

    The same prompt and params give the same ids wherever this is called from. A `draft`, a small model of the same
    vocabulary, changes nothing but the speed: it guesses the next few characters with the same noise, the model reads
    them all at once, and those that it would have drawn itself are kept (speculative decoding, arXiv:2211.17192, with
    both models coupled by the noise). With a `context` above 0 the model looks back at most so many characters.
    """
    reader = Reader(model, cached=cached, context=context)
    noise = gumbel_noise(params.seed, params.max_new_tokens, model.vocab_size)
    unread = list(prompt_ids[-reader.block_size :])
    ids = list(unread)
    position = 0
    while position < params.max_new_tokens:
        ahead = min(GUESSES, reader.room(len(unread)), params.max_new_tokens - position - 1)
        guesses = guess(draft, ids, params, noise[position : position + ahead]) if draft is not None else []
        logits = reader.feed([unread + guesses], rows=len(guesses) + 1)[0]
        for row, guessed in zip(logits, [*guesses, None], strict=True):
            id = choose(row, params, noise[position])
            ids.append(id)
            yield Step(position, id, row)
            position += 1
            if id != guessed:
                break
            guesses = guesses[1:]
        reader.forget(len(guesses))
        unread = [id]


@torch.inference_mode()
def guess(draft: LanguageModel, ids: Sequence[int], params: SamplingParams, noise: Tensor) -> list[int]:
    """How the draft would continue ids, one character for each row of noise (n, V)."""
    seen = draft.block_size
    new = list(ids[-seen:])
    for row in noise:
        new.append(choose(draft(torch.tensor([new[-seen:]], device=draft.device), rows=1)[0, 0].cpu(), params, row))
    return new[len(new) - len(noise) :]
