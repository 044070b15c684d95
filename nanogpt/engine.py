"""Ids in, a stream of steps out.

Knows the models' contract (`config.block_size`, `forward`, `new_cache`) and names none of them; knows ids, not
text. A generation is a plain generator: whoever stops reading stops the work.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nanogpt.kv_cache import KVCache, window_start
from nanogpt.sampling import SamplingParams, choose, gumbel_noise

GUESSES = 6  # characters that a draft looks ahead


@dataclass(frozen=True)
class Step:
    """One new character: its place among the new ones, its id, and the raw logits (V,) it was drawn from."""

    position: int
    id: int
    logits: Tensor


class Reader:
    """A model that reads along: feed ids, get the logits of what comes next, for one text or several at once.

    With `cached`, a full window is read once and each further character costs one row; without, the window is
    read anew for each character. Both give the same logits; the slow path is the reference.
    """

    def __init__(self, model: nn.Module, *, batch_size: int = 1, cached: bool = True):
        self.model = model
        self.block_size: int = model.config.block_size  # type: ignore[union-attr, assignment]
        self.slides = getattr(model, "any_length", False)  # a short sight is read anew each time, always whole
        self.cache: KVCache | None = model.new_cache(batch_size) if cached else None  # type: ignore[operator]
        self.ids = torch.empty(batch_size, 0, dtype=torch.long, device=next(model.parameters()).device)
        self.start = 0  # where the window begins

    @torch.inference_mode()
    def feed(self, ids: Sequence[Sequence[int]] | Tensor, rows: int = 1) -> Tensor:
        """Read ids (B, T) after all that was read before.

        Returns the logits after each of the last `rows` characters, (B, rows, V) in float32; those must share a
        window.
        """
        unread = self.ids.size(1)
        self.ids = torch.cat((self.ids, torch.as_tensor(ids, device=self.ids.device)), dim=1)
        start = self._window(self.ids.size(1))
        assert rows == 1 or start == self._window(self.ids.size(1) - rows + 1)
        if self.cache is None:
            unread = start
        elif start != self.start:
            self.cache.forget(self.cache.length)
            unread = start
        self.start = start
        return self.model(self.ids[:, unread:], self.cache)[:, -rows:].float()

    def room(self, count: int) -> int:
        """How many characters more the window will hold when another `count` have been read."""
        length = self.ids.size(1) + count
        return 0 if self.slides else self._window(length) + self.block_size - length

    def _window(self, length: int) -> int:
        """Where the window begins when `length` characters have been read."""
        return max(0, length - self.block_size) if self.slides else window_start(length, self.block_size)

    def forget(self, count: int) -> None:
        """Un-read the last `count` characters; they must lie in the present window."""
        if count:
            self.ids = self.ids[:, :-count]
            if self.cache is not None:
                self.cache.forget(count)

    def reorder(self, rows: Tensor) -> None:
        """Let text i go on as a copy of what text rows[i] was."""
        self.ids = self.ids[rows]
        if self.cache is not None:
            self.cache.reorder(rows)


def generate(
    model: nn.Module,
    prompt: Sequence[int],
    params: SamplingParams,
    *,
    cached: bool = True,
    draft: nn.Module | None = None,
) -> Iterator[Step]:
    """Continue `prompt` (at least one id; only its last block_size are read) by params.max_new_tokens steps.

    The same prompt and params give the same ids wherever this is called from. A `draft`, a small model of the same
    vocabulary, changes nothing but the speed: it guesses the next few characters with the same luck, the model reads
    them all at once, and those that it would have drawn itself stand (speculative decoding, arXiv:2211.17192, with
    both models coupled by the noise).
    """
    reader = Reader(model, cached=cached)
    noise = gumbel_noise(params.seed, params.max_new_tokens, model.config.vocab_size)  # type: ignore[union-attr, arg-type]
    unread = list(prompt[-reader.block_size :])
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
def guess(draft: nn.Module, ids: Sequence[int], params: SamplingParams, noise: Tensor) -> list[int]:
    """How the draft would continue ids, one character for each row of noise (n, V)."""
    seen: int = draft.config.block_size  # type: ignore[union-attr, assignment]
    new = list(ids[-seen:])
    for luck in noise:
        new.append(choose(draft(torch.tensor([new[-seen:]]), rows=1)[0, 0], params, luck))
    return new[len(new) - len(noise) :]


@dataclass(frozen=True)
class Beam:
    """The likeliest continuation found so far: its ids and the sum of their log-probabilities, in nats."""

    ids: list[int]
    log_probability: float

    @property
    def per_character(self) -> float:
        """Length-normalised: continuations of different lengths can be compared."""
        return self.log_probability / len(self.ids)


def beam_search(model: nn.Module, prompt: Sequence[int], width: int, max_new_tokens: int) -> Iterator[Beam]:
    """Look for the likeliest continuation, keeping the `width` best at each character; yield the best of each length.

    Width 1 takes the likeliest character each time, as temperature 0 does. No randomness. Of equals, the
    smaller id on the better beam goes first.
    """
    reader = Reader(model, batch_size=width)
    logits = reader.feed([prompt[-reader.block_size :]] * width)[:, -1]  # (width, V)
    read = reader.ids.size(1)
    score = torch.full((width,), -math.inf, dtype=torch.float64)
    score[0] = 0  # all beams begin as the same text: only one of them may have children
    for count in range(1, max_new_tokens + 1):
        total = score[:, None] + logits.double().log_softmax(-1)  # (width, V)
        score, flat = total.flatten().sort(descending=True, stable=True)
        score, flat = score[:width], flat[:width]
        reader.reorder(flat // total.size(1))
        new = flat % total.size(1)
        best = [*reader.ids[0, read:].tolist(), int(new[0])]
        yield Beam(best, score[0].item())
        if count < max_new_tokens:
            logits = reader.feed(new[:, None])[:, -1]
