"""Several processes that train one model, as torchrun starts them.

Each process computes the gradients of its own micro-batches, and all take the same step with their mean. Knows
tensors and the process group; knows no model, no data and no file. A process alone is a group of one.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

LONGEST_WAIT = timedelta(days=1)  # for what the leader prepares alone; a step has torch's limit of 30 minutes


class LostProcessError(Exception):
    """Another process of the run is gone, so no further step is possible."""


@dataclass(frozen=True)
class Group:
    """This process's position among all processes of the run."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # the position on its own machine, which decides its GPU
    patient: distributed.ProcessGroup | None = None  # the same processes, for waits of up to LONGEST_WAIT

    @property
    def is_leader(self) -> bool:
        """Only the leader writes files and prints."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """The device for a user's choice: if there are several processes, each takes its own GPU."""
        takes_gpu = name == "cuda" or (name == "auto" and torch.cuda.is_available())
        return f"cuda:{self.local_rank}" if takes_gpu and self.size > 1 else name

    def mean(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes. Raises LostProcessError."""
        if self.size == 1:
            return
        parts = list(tensors)
        flat = torch.cat([t.flatten() for t in parts])  # one message instead of dozens
        with _lost_process_named():
            distributed.all_reduce(flat)
        for part, whole in zip(parts, (flat / self.size).split([t.numel() for t in parts]), strict=True):
            part.copy_(whole.view_as(part))

    def mean_gradients(self, model: nn.Module) -> None:
        """Replace each gradient by its mean over all processes."""
        self.mean(p.grad for p in model.parameters() if p.grad is not None)

    def mean_of(self, value: float) -> float:
        """The mean of a number over all processes."""
        number = torch.tensor([value], dtype=torch.float64)
        self.mean([number])
        return number.item()

    def any(self, flag: bool) -> bool:
        """True in all processes if the flag is true in any of them."""
        return self.mean_of(float(flag)) > 0

    @contextlib.contextmanager
    def leader_first(self) -> Iterator[None]:
        """Run the block in the leader, then in the other processes; all leave it together.

        What the leader has put into a cache, the others then find there. Raises LostProcessError.
        """
        if not self.is_leader:
            self._wait()
        yield
        if self.is_leader:
            self._wait()
        self._wait()

    def _wait(self) -> None:
        """Wait until all processes have come here."""
        if self.size > 1:
            with _lost_process_named():
                distributed.barrier(self.patient)


@contextlib.contextmanager
def _lost_process_named() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(f"Another process of this run is gone ({str(error).splitlines()[0]}).") from error


ALONE = Group()


@contextlib.contextmanager
def process_group() -> Iterator[Group]:
    """The group that torchrun's environment variables name, for the length of the block; a group of one without them.

    Raises RuntimeError if the other processes cannot be reached.
    """
    if "RANK" not in os.environ:
        yield ALONE
        return
    rank, size, local_rank = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Group(rank, size, local_rank, distributed.new_group(timeout=LONGEST_WAIT, backend="gloo"))
    finally:
        distributed.destroy_process_group()
