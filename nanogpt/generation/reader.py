"""Ids in, the logits of the next character out, for many texts at once, with a KV cache where the model has one.

Knows the models' contract and the rule of the window; draws nothing and knows no text.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import FEW, KVCache, window_start

PART = 128  # characters of a beginning that are read at once: longer parts would keep the other texts waiting
MAX_CONTEXT = 1_000_000  # more than any model here can look back


class Reader:
    """A model reading texts, each at its own place: extend a text, get the logits of its next character.

    With `cached`, a full window is read once and each further character costs one row; without, the whole window is
    read again for each character. Both give the same logits; the slow path is the reference. A `context` above 0 is a
    window of so many characters, if the model could look back further.

    What a text gives does not depend on the texts beside it: see `KVCache.attend`. The parts in which its window is
    read depend on its length alone.
    """

    def __init__(self, model: LanguageModel, *, cached: bool = True, context: int = 0):
        self.model = model
        self.block_size = min(context or model.block_size, model.block_size)
        self.slides = model.any_length  # its few characters are read again each time, so its window moves by one
        self.texts: list[list[int]] = []
        self.starts: list[int] = []  # where the window of each text begins
        self.cache: KVCache | None = model.new_cache(1) if cached else None
        if self.cache is not None:
            self.cache.remove(0)

    # --- the texts ---

    def add(self, ids: Sequence[int]) -> None:
        """One more text, of at least one id; nothing of it has been read."""
        self.texts.append([])
        self.starts.append(0)
        if self.cache is not None:
            self.cache.add()
        self.extend(len(self.texts) - 1, ids)

    def extend(self, row: int, ids: Sequence[int]) -> None:
        """Continue a text by ids that have not been read."""
        self.texts[row] += ids
        start = self._window(len(self.texts[row]))
        if start != self.starts[row] and self.cache is not None:
            self.cache.lengths[row] = 0  # the window has moved, and with it every position in it
        self.starts[row] = start

    def remove(self, row: int) -> None:
        """Forget a text; the last one takes its place."""
        self.texts[row], self.starts[row] = self.texts[-1], self.starts[-1]
        self.texts.pop(), self.starts.pop()
        if self.cache is not None:
            self.cache.remove(row)

    def forget(self, row: int, count: int) -> None:
        """Forget the last `count` characters of a text, which were read; they must lie in its window."""
        if count:
            del self.texts[row][-count:]
            if self.cache is not None:
                self.cache.lengths[row] -= count

    def reorder(self, rows: Tensor) -> None:
        """Text i becomes a copy of what text rows[i] was."""
        self.texts = [list(self.texts[row]) for row in rows.tolist()]
        self.starts = [self.starts[row] for row in rows.tolist()]
        if self.cache is not None:
            self.cache.reorder(rows)

    def room(self, row: int) -> int:
        """How many characters more the window of a text will hold."""
        return 0 if self.slides else self.starts[row] + self.block_size - len(self.texts[row])

    def _window(self, length: int) -> int:
        """Where the window begins when `length` characters have been read."""
        return max(0, length - self.block_size) if self.slides else window_start(length, self.block_size)

    # --- reading ---

    def unread(self, row: int) -> int:
        """How many characters of a text's window have not been read; without a cache, none but the last is kept."""
        return len(self.texts[row]) - self.starts[row] - self.cache.lengths[row] if self.cache is not None else 1

    def behind(self, row: int) -> int:
        """How many characters of a text must be read by `catch_up` before its `logits` can be."""
        unread = self.unread(row)
        return 0 if len(self.texts) == 1 and unread <= FEW else unread - 1

    def alike(self, row: int) -> int:
        """How many texts, from this one on, are equally long and equally far read: they may catch up together."""
        count = 1
        while row + count < len(self.texts) and self._place(row + count) == self._place(row):
            count += 1
        return count

    def _place(self, row: int) -> tuple[int, int]:
        return len(self.texts[row]) - self.starts[row], self.unread(row)

    @torch.inference_mode()
    def catch_up(self, row: int, count: int = 1) -> int:
        """Read a part of what comes before the last character of a text; return how many characters it was.

        With a `count`, that of so many texts from `row` on, which must be equally long and equally far read.
        """
        assert self.cache is not None
        held = self.cache.lengths[row]
        part = min(self.behind(row), PART - held % PART)
        rows = range(row, row + count)
        places = [self.starts[i] + held for i in rows]
        ids = [self.texts[i][place : place + part] for i, place in zip(rows, places, strict=True)]
        self.model(self._tensor(ids), self.cache.texts(row, row + count), rows=1)
        self.cache.lengths[row : row + count] = [held + part] * count
        return part

    @torch.inference_mode()
    def logits(self, last: int = 1) -> Tensor:
        """After each of the `last` characters of every text, (B, last, V) in float32 on the CPU.

        A text that is behind gets rows without meaning, and stays behind. With `last` above 1 there is one text, and
        these characters share a window.
        """
        if self.cache is None:
            return self._read_again(last).float().cpu()
        count = self.unread(0) if len(self.texts) == 1 else 1
        late = {row: self.cache.lengths[row] for row in range(len(self.texts)) if self.unread(row) > count}
        logits = self.model(self._tensor([text[-count:] for text in self.texts]), self.cache, rows=last)
        for row, held in late.items():
            self.cache.lengths[row] = held
        return logits.float().cpu()

    def read(self) -> Tensor:
        """The logits (B, V) of every text, all of which catch up first."""
        alike = len(set(map(len, self.texts))) == 1
        for row in range(1 if alike else len(self.texts)):
            while self.behind(row):
                self.catch_up(row, len(self.texts) if alike else 1)
        return self.logits()[:, -1]

    def _read_again(self, last: int) -> Tensor:
        """The logits without a cache: every window is read from its beginning."""
        if self.slides:  # id 0 stands before the first character, as the models themselves have it
            size = self.block_size + last - 1
            return self.model(self._tensor([[0] * (size - len(t)) + t[-size:] for t in self.texts]), rows=last)
        windows = [self._tensor([text[start:]]) for text, start in zip(self.texts, self.starts, strict=True)]
        return torch.cat([self.model(window)[:, -last:] for window in windows])

    def _tensor(self, ids: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(ids, device=self.model.device)
