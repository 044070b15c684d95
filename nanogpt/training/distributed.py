"""Several processes that train one model, as torchrun starts them: each reads its own micro-batches, and all take
the same step with the mean of their gradients.

Knows tensors and the process group; knows no model, no data and no file. A process alone is a group of one.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


class LostProcessError(Exception):
    """Another process of the run is gone, so no step can be taken together any more."""


@dataclass(frozen=True)
class Group:
    """This process's place among all of the run."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # its place on its own machine: which GPU it takes

    @property
    def leads(self) -> bool:
        """Only one process writes files and speaks."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """The device for a user's choice: with several processes on a machine each takes its own GPU."""
        takes_gpu = name == "cuda" or (name == "auto" and torch.cuda.is_available())
        return f"cuda:{self.local_rank}" if takes_gpu and self.size > 1 else name

    def mean(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes. Raises LostProcessError."""
        if self.size == 1:
            return
        parts = list(tensors)
        flat = torch.cat([t.flatten() for t in parts])  # one message instead of dozens
        try:
            distributed.all_reduce(flat)
        except RuntimeError as error:
            raise LostProcessError(str(error).splitlines()[0]) from error
        for part, whole in zip(parts, (flat / self.size).split([t.numel() for t in parts]), strict=True):
            part.copy_(whole.view_as(part))

    def mean_gradients(self, model: nn.Module) -> None:
        self.mean(p.grad for p in model.parameters() if p.grad is not None)

    def mean_of(self, value: float) -> float:
        number = torch.tensor([value], dtype=torch.float64)
        self.mean([number])
        return number.item()

    def any(self, flag: bool) -> bool:
        """Does any process say so? All get the same answer."""
        return self.mean_of(float(flag)) > 0


@contextlib.contextmanager
def joined() -> Iterator[Group]:
    """The group that torchrun's environment names, joined for the length of the block; alone without torchrun."""
    if "RANK" not in os.environ:
        yield Group()
        return
    group = Group(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield group
    finally:
        distributed.destroy_process_group()
