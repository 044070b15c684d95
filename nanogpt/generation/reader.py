"""Ids in, the logits of the next character out, with a KV cache where the model has one.

Knows the models' contract and the rule of the window; draws nothing and knows no text.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import KVCache, window_start


class Reader:
    """A model reading one text, or several of the same length: feed ids, get the logits of the next character.

    With `cached`, a full window is read once and each further character costs one row; without, the whole window is
    read again for each character. Both give the same logits; the slow path is the reference. A `context` above 0 is a
    window of so many characters, if the model could look back further.
    """

    def __init__(self, model: LanguageModel, *, batch_size: int = 1, cached: bool = True, context: int = 0):
        self.model = model
        self.block_size = min(context or model.block_size, model.block_size)
        self.slides = model.any_length  # its few characters are read again each time, so its window moves by one
        self.cache: KVCache | None = model.new_cache(batch_size) if cached else None
        self.ids = torch.empty(batch_size, 0, dtype=torch.long, device=model.device)
        self.start = 0  # where the window begins

    @torch.inference_mode()
    def feed(self, ids: Sequence[Sequence[int]] | Tensor, rows: int = 1) -> Tensor:
        """Read ids (B, T) after all that was read before.

        Returns the logits after each of the last `rows` characters, (B, rows, V) in float32 on the CPU; those must
        share a window.
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
        return self.model(self.ids[:, unread:], self.cache)[:, -rows:].float().cpu()

    def room(self, count: int) -> int:
        """How many characters more the window will hold when another `count` have been read."""
        length = self.ids.size(1) + count
        return 0 if self.slides else self._window(length) + self.block_size - length

    def _window(self, length: int) -> int:
        """Where the window begins when `length` characters have been read."""
        return max(0, length - self.block_size) if self.slides else window_start(length, self.block_size)

    def forget(self, count: int) -> None:
        """Forget the last `count` characters; they must lie in the current window."""
        if count:
            self.ids = self.ids[:, :-count]
            if self.cache is not None:
                self.cache.forget(count)

    def reorder(self, rows: Tensor) -> None:
        """Replace text i by a copy of what text rows[i] was."""
        self.ids = self.ids[rows]
        if self.cache is not None:
            self.cache.reorder(rows)
