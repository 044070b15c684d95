"""Beam search: the likeliest continuation instead of a drawn one. Knows ids and the models' contract; draws nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from nanogpt.generation.reader import Reader
from nanogpt.models.base import LanguageModel

MAX_BEAM = 8  # the largest width


@dataclass(frozen=True)
class Beam:
    """The likeliest continuation found so far: its ids and the sum of their log-probabilities, in nats."""

    ids: list[int]
    log_probability: float

    @property
    def per_character(self) -> float:
        """Length-normalised: continuations of different lengths can be compared."""
        return self.log_probability / len(self.ids)


def beam_search(
    model: LanguageModel, prompt: Sequence[int], width: int, max_new_tokens: int, context: int = 0
) -> Iterator[Beam]:
    """Look for the likeliest continuation, keeping the `width` best at each character; yield the best of each length.

    Width 1 takes the likeliest character each time, as temperature 0 does. No randomness. Of equals, the
    smaller id on the better beam goes first. With a `context` above 0 the model looks back at most so many characters.
    """
    reader = Reader(model, context=context)
    reader.add(prompt[-reader.block_size :])
    read = len(reader.texts[0])
    logits = reader.read().expand(width, -1)
    for _ in range(width - 1):
        reader.add([])
    reader.reorder(torch.zeros(width, dtype=torch.long))
    score = torch.full((width,), -math.inf, dtype=torch.float64)
    score[0] = 0  # all beams start from the same text, so only the first may be extended
    for count in range(1, max_new_tokens + 1):
        total = score[:, None] + logits.double().log_softmax(-1)  # (width, V)
        score, flat = total.flatten().sort(descending=True, stable=True)
        score, flat = score[:width], flat[:width]
        reader.reorder(flat // total.size(1))
        new = (flat % total.size(1)).tolist()
        yield Beam([*reader.texts[0][read:], new[0]], score[0].item())
        if count < max_new_tokens:
            for row, id in enumerate(new):
                reader.extend(row, [id])
            logits = reader.read()
