"""How surprised a model is by a text: bits per character, and the evaluation protocol behind every published figure.

Knows the models' contract and models with their tokenizers; knows no corpus and no file.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from nanogpt.checks import whole
from nanogpt.generation.reader import MAX_CONTEXT
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import window_batches
from nanogpt.text.spelling import Spelling, with_warnings

BITS = 1 / math.log(2)  # nats → bits
PROTOCOL_WINDOW = 256
PROTOCOL_OFFSETS = range(0, 256, 32)
BAR: dict[str, Any] = {"delay": 2, "leave": False, "disable": None}  # shown at a terminal, after two seconds


@torch.inference_mode()
def next_logits(model: LanguageModel, ids: Sequence[int], context: int = 0) -> Tensor:
    """The logits after each prefix of ids (n,), as generation sees them: (n, V), float32.

    Follows the window rule of generation, but reads each window once instead of character by character. A `context`
    above 0 is a window of so many characters, if the model could look back further.
    """
    block_size, device = min(context or model.block_size, model.block_size), model.device
    text = torch.tensor(list(ids), device=device)
    if model.any_length and block_size == model.block_size:
        return model(text[None])[0].float().cpu()
    if model.any_length:  # the window moves by one
        seen = [text[max(0, i + 1 - block_size) : i + 1] for i in range(len(text))]
        return torch.stack([model(window[None], rows=1)[0, 0].float().cpu() for window in seen])
    rows = []
    for _, skipped, batch in window_batches(text, block_size):
        rows.append(model(batch)[:, skipped:].flatten(0, 1).float().cpu())
    return torch.cat(rows)


def logits_before(model: LanguageModel, prompt: Sequence[int], ids: Sequence[int], context: int = 0) -> Tensor:
    """The logits before each of `ids` (n,) after `prompt` (at least one id; what fits the window is read): (n, V)."""
    seen = list(prompt)[-min(context or model.block_size, model.block_size) :]
    return next_logits(model, [*seen, *ids][:-1], context)[len(seen) - 1 :]


def char_nats(model: LanguageModel, prompt: Sequence[int], ids: Sequence[int], context: int = 0) -> Tensor:
    """−ln p of each of `ids` (n,) after `prompt`, as (n,); both are read as `logits_before` does."""
    return F.cross_entropy(logits_before(model, prompt, ids, context), torch.tensor(list(ids)), reduction="none")


@dataclass(frozen=True, eq=False)
class Score:
    """How surprised a model is by each character of a text."""

    text: str  # as the model's vocabulary spells it
    left_out: str  # a sentence on the characters that the vocabulary lacks, or ""
    nats: Tensor  # (n,) float32: −ln p of each character, given those before it

    @property
    def bits(self) -> Tensor:
        """−log2 p of each character, (n,) float64."""
        return self.nats.double() * BITS

    @property
    def total(self) -> float:
        """The bits of the whole text."""
        return sum(self.bits.tolist())


def score(model: TextModel, text: str | Spelling, context: int = 0) -> Score:
    """Score a text that stands alone, after a newline.

    With a `context` above 0 the model looks back at most so many characters, as in `generate`. Characters that the
    model does not know are left out, after a UserWarning; a text that `model.read_text` has read gives no warning.
    Raises ValueError if nothing of the text is left, and for a context out of range.
    """
    spelt = with_warnings(text, model.read_text(text))
    if not spelt.ids:
        raise ValueError("The text holds no character that the model knows.")
    nats = char_nats(model.model, [model.tokenizer.start_id], spelt.ids, whole("Context", context, 0, MAX_CONTEXT))
    return Score(spelt.text, " ".join(spelt.notices), nats)


@torch.inference_mode()
def windows_loss(
    model: LanguageModel, ids: Tensor, window: int, offsets: Iterable[int] = (0,), batch_size: int = 32
) -> float:
    """Mean nats per character over non-overlapping windows of exactly `window`, averaged over the offsets.

    No carry-over between windows: position t of a window sees t + 1 characters. Puts the model in eval mode.
    """
    model.eval()
    means = []
    for offset in tqdm(list(offsets), "whole text", unit="offset", **BAR):
        n = (len(ids) - 1 - offset) // window
        if n < 1:
            raise ValueError(f"The text has {len(ids):,} characters; a window of {window} at {offset} does not fit.")
        x = ids[offset : offset + n * window].view(n, window)
        y = ids[offset + 1 : offset + 1 + n * window].view(n, window)
        total = 0.0
        for i in range(0, n, batch_size):
            logits = model(x[i : i + batch_size].to(model.device)).float()
            target = y[i : i + batch_size].to(model.device)
            total += F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="sum").item()
        means.append(total / (n * window))
    return sum(means) / len(means)


@torch.inference_mode()
def random_windows_loss(
    model: LanguageModel, ids: Tensor, window: int, *, batches: int = 200, batch_size: int = 64, seed: int = 1337
) -> float:
    """nanoGPT's `estimate_loss`: mean nats over random windows, here from a fixed generator."""
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    for _ in tqdm(range(batches), "random windows", unit="batch", **BAR):
        start = torch.randint(len(ids) - window, (batch_size,), generator=generator)
        rows = ids[start[:, None] + torch.arange(window + 1)].to(model.device)
        total += F.cross_entropy(model(rows[:, :-1]).float().flatten(0, 1), rows[:, 1:].flatten()).item()
    return total / batches


def evaluation_window(model: LanguageModel) -> int:
    """The protocol's 256, or the model's own context where it cannot read that far."""
    return PROTOCOL_WINDOW if model.any_length else min(PROTOCOL_WINDOW, model.block_size)
