"""The KV cache: the keys and values of the characters that a model has read, and the rule of its window.

With it, a new character costs one row of work instead of a whole window. It holds texts, each of its own length,
in buffers that are written in place. It is passed as an argument; no module stores one.
"""

import copy
import math
from collections.abc import Iterator
from itertools import groupby

import torch
from torch import Tensor
from torch.nn import functional as F

FEW = 8  # so many characters read at once are attended to as if each were read alone: the sums are equal to the bit
STRIDE = 32  # keys are attended to in multiples of it; a kernel's sums then do not depend on the longest text beside
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
    """What has been read of B texts: how many characters of each (`lengths`), their ids, and for each layer keys and
    values. The buffers `ids` (N, block_size), `key` and `value` (N, n_head, S, head_dim) have room for N ≥ B texts."""

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
        size = _whole_strides(block_size)
        shape = (2, n_layer, batch_size, n_head, size, head_dim)
        self.key, self.value = (list(part) for part in torch.zeros(shape, dtype=dtype, device=device))
        self.ids = torch.zeros(batch_size, block_size, dtype=torch.long, device=device)
        # Row t is added to the scores of a query at position t: it may not look at what comes after it.
        self.causal = torch.full((block_size, size), -math.inf, dtype=dtype, device=device).triu(1)
        self.block_size = block_size
        self.lengths = [0] * batch_size

    # --- a forward pass: begin, attend in each layer, advance ---

    def begin(self, idx: Tensor) -> None:
        """The characters idx (B, T) are going to be read after those held.

        `position` tells where they stand: a slice if all texts have the same length, else a tensor (B, T). `mask` is
        added to their scores, and `seen` is how many keys these have.
        """
        B, T = idx.shape
        longest = max(self.lengths) + T
        assert longest <= self.block_size, f"cache holds {self.block_size} characters, asked for {longest}"
        self.position: slice | Tensor
        if min(self.lengths) == max(self.lengths):
            self.position = slice(self.lengths[0], longest)
            self.ids[:B, self.position] = idx
        else:
            self.position = torch.tensor(self.lengths, device=idx.device)[:, None] + torch.arange(T, device=idx.device)
            self.ids[:B].scatter_(1, self.position, idx)
        self.seen = longest if T > FEW else _whole_strides(longest)
        self.mask = self.causal[self.position, : self.seen]  # (T, seen) or (B, T, seen)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        """Store k and v, and let each query look at the characters up to its own; all (B, n_head, T, head_dim).

        Up to `FEW` characters are computed as if each were read alone, so that a text does not depend on how many are
        read at once, nor on the other texts. More than that are one block; then all texts have the same length.
        """
        B, T = len(q), q.size(2)
        key, value, position, mask = self.key[layer][:B], self.value[layer][:B], self.position, self.mask
        if isinstance(position, slice):
            key[:, :, position] = k
            value[:, :, position] = v
        else:
            row = torch.arange(B, device=q.device)[:, None]
            key[row, :, position] = k.transpose(1, 2)
            value[row, :, position] = v.transpose(1, 2)
        key, value = key[:, :, : self.seen], value[:, :, : self.seen]
        if T > FEW:
            assert isinstance(position, slice), "a block is read of texts of one length"
            first = position.start == 0
            return F.scaled_dot_product_attention(
                q, key, value, attn_mask=None if first else mask, is_causal=first, scale=scale
            )
        mask = mask.expand(B, T, self.seen)
        if T == 1:
            return F.scaled_dot_product_attention(q, key, value, attn_mask=mask[:, None], scale=scale)
        queries = q.transpose(1, 2)[:, :, :, None]  # (B, T, n_head, 1, head_dim): the T of a text are a batch
        alone = [
            F.scaled_dot_product_attention(
                queries[i],
                key[i].expand(T, -1, -1, -1),
                value[i].expand(T, -1, -1, -1),
                attn_mask=mask[i, :, None, None],
                scale=scale,
            )
            for i in range(B)
        ]
        return torch.stack(alone)[:, :, :, 0].transpose(1, 2)

    def advance(self, count: int) -> None:
        """Hold the `count` characters whose keys and values every layer has stored."""
        self.lengths = [length + count for length in self.lengths]

    def context(self, count: int) -> Tensor:
        """The ids being read and the `count` before them, (B, count + T); fewer if no text has so many, and id 0 before
        the beginning of a shorter one."""
        B, position = len(self.lengths), self.position
        if isinstance(position, slice):
            return self.ids[:B, max(0, position.start - count) : position.stop]
        place = position[:, :1] + torch.arange(-count, position.size(1), device=self.ids.device)
        return self.ids[:B].gather(1, place.clamp(min=0)).masked_fill(place < 0, 0)

    # --- texts that come and go ---

    def add(self) -> None:
        """One more text, of which nothing has been read. The buffers double when they are full."""
        if len(self.lengths) == len(self.ids):
            self.ids = torch.cat((self.ids, torch.zeros_like(self.ids)))
            for held in (self.key, self.value):
                held[:] = [torch.cat((part, torch.zeros_like(part))) for part in held]
        self.lengths.append(0)

    def remove(self, i: int) -> None:
        """Forget text i; the last text takes its place."""
        last = len(self.lengths) - 1
        length = self.lengths.pop()
        if i < last:
            self.lengths[i] = length
            self.ids[i] = self.ids[last]
            for held in (*self.key, *self.value):
                held[i, :, :length] = held[last, :, :length]

    def texts(self, first: int, end: int) -> "KVCache":
        """Some of the texts, in the same buffers; what is read of them so must be added to `lengths` here too."""
        some = copy.copy(self)
        some.key, some.value = ([part[first:end] for part in held] for held in (self.key, self.value))
        some.ids, some.lengths = self.ids[first:end], self.lengths[first:end]
        return some

    def forget(self, count: int) -> None:
        """Forget the last `count` characters of each text; the buffers stay."""
        self.lengths = [length - count for length in self.lengths]

    def reorder(self, rows: Tensor) -> None:
        """Text i becomes a copy of what text rows[i] was."""
        self.lengths = [self.lengths[row] for row in rows.tolist()]
        B, longest = len(rows), max(self.lengths)
        self.ids[:B] = self.ids[rows]
        for held in (*self.key, *self.value):
            held[:B, :, :longest] = held[rows, :, :longest]


def _whole_strides(count: int) -> int:
    return -(-count // STRIDE) * STRIDE
