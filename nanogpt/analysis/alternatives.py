"""What else could have stood at a place of a text, and how likely a model thought it.

Knows models with their tokenizers; the page's card and the API's `explain` both come from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nanogpt.checks import shown
from nanogpt.generation.reader import Reader
from nanogpt.generation.sampling import SamplingParams, allowed_logits
from nanogpt.generation.text_model import TextModel
from nanogpt.text.prompt import Prompt
from nanogpt.text.spelling import with_warnings


@dataclass(frozen=True)
class Alternative:
    """A character that could come next: its probability raw, after the temperature, and after the cut."""

    char: str
    raw: float
    tempered: float
    kept: float  # 0 where top-k or top-p cut it; the kept ones sum to 1 again


def logits_after(model: TextModel, prompt: Prompt, text: str) -> Tensor:
    """The logits (V,) of what follows `prompt` + `text`, by the window rule under which `text` was generated.

    Raises ValueError for a text that the model could not have written.
    """
    spelt = model.read_text(text)
    if spelt.notices:
        raise ValueError(f"{model.name} could not have written this text. {' '.join(spelt.notices)}")
    ids = prompt.ids[-model.block_size :] + spelt.ids
    reader = Reader(model.model, cached=False)
    reader.add(ids)
    return reader.read()[0]


def alternatives(model: TextModel, prompt: str | Prompt = "", text: str = "", **settings: Any) -> list[Alternative]:
    """Every character of the vocabulary as it could have followed `prompt` + `text`, the likeliest first.

    The settings are those of `generate`; temperature, top_k and top_p count. At temperature 0 the tempered
    distribution is its limit: all on the likeliest. A prompt that had to be changed is read all the same, after a
    UserWarning for each change. Raises ValueError for a setting out of range, and for a `text` that holds characters
    outside the vocabulary.
    """
    params = SamplingParams(**settings)
    checked = with_warnings(prompt, model.read_prompt(prompt))
    logits = logits_after(model, checked, text).double()
    raw, kept = logits.softmax(-1), allowed_logits(logits, params).softmax(-1)
    tempered = kept if params.greedy else (logits / params.temperature).softmax(-1)
    order = logits.sort(descending=True, stable=True).indices
    return [
        Alternative(model.tokenizer.chars[i], raw[i].item(), tempered[i].item(), kept[i].item()) for i in order.tolist()
    ]


def rank_of(rows: Sequence[Alternative], char: str) -> int:
    """The rank of a character among its alternatives, from 1. Raises ValueError for one outside the vocabulary."""
    for rank, row in enumerate(rows, start=1):
        if row.char == char:
            return rank
    raise ValueError(f"Character {shown(char)} is outside the model's vocabulary.")


def probability_of(model: TextModel, prompt: str | Prompt, text: str) -> dict[str, float]:
    """The raw probability of each character of this model's vocabulary after `prompt` + `text`.

    Warns and raises as `alternatives` does.
    """
    checked = with_warnings(prompt, model.read_prompt(prompt))
    p = logits_after(model, checked, text).double().softmax(-1).tolist()
    return dict(zip(model.tokenizer.chars, p, strict=True))
