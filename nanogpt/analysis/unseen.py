"""Unseen text: the same windows of the validation part for every figure, and how surprised a model is by them.

Only the last half of each window counts, so that every counted character has a long context. Knows a corpus and the
models' contract.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from nanogpt.analysis.score import BITS
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import windows
from nanogpt.text.corpus import Corpus

UNSEEN_WINDOWS = 64
CHARACTERS_AT_ONCE = 2_048  # in one forward pass: more of them only take memory


def rounded(figure: float) -> float:
    """Six significant digits: what is stored is what is shown and printed, and float32 carries no more."""
    return float(f"{figure:.6g}")


def check_vocabulary(model: TextModel, corpus: Corpus) -> None:
    """Raise ValueError if the model was trained on another vocabulary than that of the corpus."""
    if corpus.tokenizer.chars != model.tokenizer.chars:
        raise ValueError(f"{model.name} was trained on another vocabulary than that of {corpus.name}.")


def unseen_windows(corpus: Corpus, window: int) -> Tensor:
    """Windows evenly spread over the validation text: (64, window + 1) int64.

    The last character of each is only a target. Raises ValueError for a validation text that is shorter than one.
    """
    last = len(corpus.val) - (window + 1)
    if last < 0:
        raise ValueError(f"The validation text has {len(corpus.val):,} characters; a window takes {window + 1:,}.")
    starts = torch.linspace(0, last, UNSEEN_WINDOWS, dtype=torch.float64).long()
    return corpus.val[starts[:, None] + torch.arange(window + 1)]


def first_counted(window: int) -> int:
    """The first position of a window whose next character counts: half of the window stands before it."""
    return window // 2


def counted(rows: Tensor) -> int:
    """How many characters of `rows` (n, window + 1) count."""
    window = rows.size(1) - 1
    return len(rows) * (window - first_counted(window))


@torch.inference_mode()
def unseen_bits(model: LanguageModel, rows: Tensor, context: int = 0) -> float:
    """Bits per character: the mean of −log2 p over the counted characters of `rows` (n, window + 1).

    With a `context` above 0 the model looks back at most so many characters, by the window rule of generation.
    """
    total = 0.0
    for start, first, end in _spans(model, rows.size(1) - 1, context):
        for some in rows.to(model.device).split(max(1, CHARACTERS_AT_ONCE // (end - start))):
            logits = model(some[:, start:end], rows=end - first).float()
            nats = F.cross_entropy(logits.flatten(0, 1), some[:, first + 1 : end + 1].flatten(), reduction="none")
            total += nats.sum(dtype=torch.float64).item()
    return total * BITS / counted(rows)


def _spans(model: LanguageModel, window: int, context: int) -> list[tuple[int, int, int]]:
    """What has to be read, as (start, first, end): the characters start:end, of which those from `first` on count."""
    size, half = min(context or model.block_size, model.block_size), first_counted(window)
    if not model.any_length:
        return [(start, max(done, half), end) for start, done, end in windows(window, size) if end > half]
    if size == model.block_size:
        return [(0, half, window)]
    return [(max(0, i + 1 - size), i, i + 1) for i in range(half, window)]  # its window moves by one
