"""How the next character is chosen: the checked request, its noise, the cut, the choice.

Knows rows of logits; knows no model and no text.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nanogpt.checks import check_fields, option

MAX_NEW_TOKENS = 2_000
MOST_NUMBERS = 2**25  # of the noise of a run: 268 MB. Its logits, one for each character of the vocabulary, are as many
MAX_SEED = 2**32 - 1
COLDEST = 0.01  # below it, dividing logits by the temperature only adds rounding: it is greedy


@dataclass(frozen=True)
class SamplingParams:
    """What a visitor may ask for. Raises ValueError with the field, the value and the allowed range."""

    temperature: float = option(
        0.8,
        "0 always takes the likeliest character, 1 keeps the model's odds, 2 is wild",
        0,
        2,
        title="Temperature",
    )
    top_k: int = option(0, "only the k likeliest may be drawn; 0 is off", 0, 1_000_000, title="Top-k")
    top_p: float = option(
        1.0, "only the likeliest that together hold this share may be drawn; 1 is off", 0, 1, above=True, title="Top-p"
    )
    max_new_tokens: int = option(500, "characters to write", 1, MAX_NEW_TOKENS, title="Number of characters")
    seed: int = option(1, "the same seed is the same luck", 0, MAX_SEED, title="Seed")

    def __post_init__(self) -> None:
        check_fields(self)

    def check_size(self, vocab_size: int) -> None:
        """Raise ValueError if a run of a model with so many characters would take too much memory."""
        most = MOST_NUMBERS // vocab_size
        if self.max_new_tokens > most:
            raise ValueError(
                f"Number of characters must be at most {most:,} for a model that knows {vocab_size:,}; got "
                f"{self.max_new_tokens:,}."
            )

    @property
    def greedy(self) -> bool:
        return self.temperature < COLDEST


def gumbel_noise(seed: int, count: int, vocab_size: int) -> Tensor:
    """One row of Gumbel noise for each of `count` new characters, (count, V) float64.

    Row t is the noise of position t: a longer table begins with the shorter one, so it depends on (seed, t)
    only. The largest of `logits + noise` is an exact draw from softmax(logits) (Gumbel-max; Maddison et al.,
    arXiv:1411.0030), and the same row used for two models gives both the same luck.
    """
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(count, vocab_size, generator=generator, dtype=torch.float64)
    return -torch.log(-torch.log(u.clamp_(min=2**-54)))


def allowed_logits(logits: Tensor, params: SamplingParams) -> Tensor:
    """logits (..., V) → logits / temperature (..., V) in float64, -inf where top-k or top-p cut; each row by itself.

    top_k keeps exactly k, top_p the smallest set of the likeliest that holds the share; of equals the
    smaller id goes first. Temperature 0 keeps the likeliest only.
    """
    scaled = logits.double() / (1.0 if params.greedy else params.temperature)
    keep = 1 if params.greedy else params.top_k or scaled.size(-1)
    if keep >= scaled.size(-1) and params.top_p == 1:
        return scaled
    ordered, order = scaled.sort(descending=True, stable=True)
    ordered[..., keep:] = -math.inf
    before = ordered.softmax(-1).cumsum(-1).roll(1, -1)  # the share of all likelier characters
    before[..., 0] = 0
    ordered[before >= params.top_p] = -math.inf
    return torch.empty_like(scaled).scatter_(-1, order, ordered)


def choose(logits: Tensor, params: SamplingParams, noise: Tensor) -> int:
    """The id drawn from logits (V,) with one row of noise (V,)."""
    return choose_each(logits[None], params, noise[None])[0]


def choose_each(logits: Tensor, params: SamplingParams, noise: Tensor) -> list[int]:
    """The ids drawn from rows of logits (n, V), each with its own row of noise (n, V)."""
    ids: list[int] = (allowed_logits(logits, params) + noise).argmax(-1).tolist()
    return ids
