"""One character, explained: what else could have stood there, and how likely each model thought it.

Knows loaded models and characters; the page's card and the API's `explain` both come from here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nanogpt.generation.reader import Reader
from nanogpt.generation.sampling import SamplingParams, allowed_logits
from nanogpt.generation.text_model import TextModel
from nanogpt.text.prompt import read_prompt


@dataclass(frozen=True)
class Alternative:
    """A character that could come next: its probability raw, after the temperature, and after the cut."""

    char: str
    raw: float
    tempered: float
    kept: float  # 0 where top-k or top-p cut it; the kept ones sum to 1 again


def next_logits(loaded: TextModel, prompt: object, text: str) -> Tensor:
    """The logits (V,) of what follows `prompt` + `text`, by the window rule under which `text` was generated."""
    checked = read_prompt(prompt, loaded.tokenizer, loaded.block_size)
    ids = checked.ids[-loaded.block_size :] + loaded.tokenizer.encode(text)
    return Reader(loaded.model, cached=False).feed([ids])[0, -1]


def alternatives(loaded: TextModel, prompt: object, text: str, params: SamplingParams) -> list[Alternative]:
    """Every character of the vocabulary as it could have followed, the likeliest first.

    At temperature 0 the tempered distribution is its limit: all on the likeliest.
    """
    logits = next_logits(loaded, prompt, text).double()
    raw, kept = logits.softmax(-1), allowed_logits(logits, params).softmax(-1)
    tempered = kept if params.greedy else (logits / params.temperature).softmax(-1)
    order = logits.sort(descending=True, stable=True).indices
    return [
        Alternative(loaded.tokenizer.chars[i], raw[i].item(), tempered[i].item(), kept[i].item())
        for i in order.tolist()
    ]


def probability_of(loaded: TextModel, prompt: object, text: str) -> dict[str, float]:
    """The raw probability of each character of this model's vocabulary after `prompt` + `text`."""
    p = torch.softmax(next_logits(loaded, prompt, text).double(), -1).tolist()
    return dict(zip(loaded.tokenizer.chars, p, strict=True))
