"""The KV cache: the keys and values of the characters that a model has read, and the rule of its window.

With it, a new character costs one row of work instead of a whole window. Its buffers have a fixed size and are written
in place. It is passed as an argument; no module stores one.
"""

import math
from collections.abc import Iterator
from itertools import groupby

import torch
from torch import Tensor

MOST_AT_ONCE = 8_192  # characters in one forward pass: more of them only take memory


def window_start(length: int, block_size: int) -> int:
    """Where the model's window begins when it has read `length` characters.

    Until the window is full it begins at 0. Then its last half is kept and the window fills up again, so each
    character sees between block_size/2 and block_size characters. The rule depends on the length alone: however
    a text is cut into prompt and continuation, each character is predicted from the same window.
    """
    if length <= block_size:
        return 0
    half = max(1, block_size // 2)
    return -(-(length - block_size) // half) * half


def windows(length: int, block_size: int) -> Iterator[tuple[int, int, int]]:
    """The windows (start, done, end) in which a text of `length` characters is read by the rule of `window_start`.

    Each is the characters start:end; what follows its characters before `done` was predicted in the window before.
    """
    done = 0
    while done < length:
        start = window_start(done + 1, block_size)
        end = min(start + block_size, length)
        yield start, done, end
        done = end


def window_batches(text: Tensor, block_size: int) -> Iterator[tuple[Tensor, int, Tensor]]:
    """The windows of a text (n,), those of one shape together: (starts (N,), skipped, ids (N, size)), in order.

    What follows the first `skipped` characters of each window was predicted in the window before. All other rows of
    all batches, one after the other, are those of the text.
    """
    found = windows(len(text), block_size)
    for (size, skipped), alike in groupby(found, lambda w: (w[2] - w[0], w[1] - w[0])):
        starts = torch.tensor([start for start, _, _ in alike], device=text.device)
        for some in starts.split(max(1, MOST_AT_ONCE // size)):
            yield some, skipped, text[some[:, None] + torch.arange(size, device=text.device)]


class KVCache:
    """`length` characters are held: their ids (B, block_size), and for each layer `key` and `value`, both
    (B, n_head, block_size, head_dim)."""

    def __init__(
        self,
        n_layer: int,
        batch_size: int,
        n_head: int,
        block_size: int,
        head_dim: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        shape = (2, n_layer, batch_size, n_head, block_size, head_dim)
        self.key, self.value = (list(part) for part in torch.zeros(shape, dtype=dtype, device=device))
        self.ids = torch.zeros(batch_size, block_size, dtype=torch.long, device=device)
        # Added to the scores of several characters read at once: none may look at what comes after it.
        self.causal = torch.full((block_size, block_size), -math.inf, dtype=dtype, device=device).triu(1)
        self.block_size = block_size
        self.length = 0

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store k and v (B, n_head, T, head_dim) after the held ones; return all of that layer so far.

        `length` moves only in `advance`, once every layer has stored the same characters.
        """
        start, end = self.length, self.length + k.size(2)
        assert end <= self.block_size, f"cache holds {self.block_size} characters, asked for {end}"
        key, value = self.key[layer], self.value[layer]
        key[:, :, start:end] = k
        value[:, :, start:end] = v
        return key[:, :, :end], value[:, :, :end]

    def advance(self, idx: Tensor) -> None:
        """Hold the characters idx (B, T), whose keys and values every layer has stored."""
        start, self.length = self.length, self.length + idx.size(1)
        self.ids[:, start : self.length] = idx

    def forget(self, count: int) -> None:
        """Forget the last `count` characters; the buffers stay."""
        self.length -= count

    def reorder(self, rows: Tensor) -> None:
        """Row i becomes a copy of what row rows[i] was."""
        self.ids = self.ids[rows]
        for held in (*self.key, *self.value):
            held[:, :, : self.length] = held[rows, :, : self.length]
