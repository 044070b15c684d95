"""Training batches: windows of the training text, as a pure function of a seed and the number of the batch.

Knows ids; knows no file and no model.
"""

import hashlib
from collections import OrderedDict

import torch
from torch import Tensor

from nanogpt.text.corpus import DataError


class Windows:
    """Training batches as a pure function of (seed, number), so that resuming needs no stored state.

    An epoch covers the text once, with windows of `block_size` characters that begin at a new random offset and come
    in a new random order. `targets` are the ids themselves (n,), or rows of probabilities (n, V). Raises DataError if
    the text is shorter than two windows.
    """

    def __init__(self, ids: Tensor, block_size: int, seed: int, targets: Tensor | None = None):
        self.ids, self.block_size, self.seed = ids, block_size, seed
        self.targets = ids if targets is None else targets
        self.per_epoch = len(ids) // block_size - 1  # one less: the offset takes up to a window, the last target one id
        if self.per_epoch < 1:
            raise DataError(
                f"The training text has {len(ids):,} characters; "
                f"windows of block_size {block_size:,} need at least {2 * block_size:,}."
            )
        self._starts: OrderedDict[int, Tensor] = OrderedDict()

    def batch(self, number: int, batch_size: int) -> tuple[Tensor, Tensor]:
        """Batch `number`: x (batch_size, T), and the targets one character later, (batch_size, T) or (…, T, V)."""
        epoch, first = divmod(number * batch_size, self.per_epoch)
        last_epoch = epoch + (first + batch_size - 1) // self.per_epoch
        starts = torch.cat([self._epoch(e) for e in range(epoch, last_epoch + 1)])[first : first + batch_size]
        positions = starts[:, None] + torch.arange(self.block_size)  # (batch_size, T)
        return self.ids[positions], self.targets[positions + 1]

    def _epoch(self, epoch: int) -> Tensor:
        """The start of every window of one epoch, (per_epoch,), in the order in which they are used."""
        if epoch not in self._starts:
            generator = torch.Generator().manual_seed(mix_seed(self.seed, epoch))
            offset = torch.randint(self.block_size, (1,), generator=generator)
            self._starts[epoch] = offset + self.block_size * torch.randperm(self.per_epoch, generator=generator)
            while len(self._starts) > 2:  # a batch touches two epochs at most, unless the text is tiny
                self._starts.popitem(last=False)
        return self._starts[epoch]


def mix_seed(*numbers: int) -> int:
    """One 63-bit seed from several numbers; similar numbers give unrelated seeds."""
    digest = hashlib.sha256(",".join(map(str, numbers)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
