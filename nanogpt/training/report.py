"""A run's numbers, sent on to a dashboard. Its library is imported only when it is asked for.

Knows names and numbers; knows no model. `metrics.jsonl` is written in any case, by the trainer.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

REPORTERS = ("none", "tensorboard", "trackio", "wandb")
Report = Callable[[int, dict[str, Any]], None]  # (step, row)


def unheard(step: int, row: dict[str, Any]) -> None:
    """Reports to nobody."""


Reporting = Callable[[Path, dict[str, Any]], AbstractContextManager[Report]]


def reporter(kind: str) -> Reporting:
    """A dashboard, ready to be opened with (a run's folder, its config) as something to call with (step, row).

    TensorBoard's files go to the folder's `tensorboard`; trackio and wandb take its name as the run's. Raises
    ValueError when the library is not installed.
    """
    if kind == "none":
        return lambda folder, config: nullcontext(unheard)
    try:
        if kind == "tensorboard":
            return partial(_to_tensorboard, importlib.import_module("torch.utils.tensorboard"))
        return partial(_to_tracker, importlib.import_module(kind))
    except ImportError as error:
        raise ValueError(f"report_to {kind} needs its package: pip install {kind} ({error}).") from error


@contextmanager
def _to_tensorboard(library: Any, folder: Path, config: dict[str, Any]) -> Iterator[Report]:
    def report(step: int, row: dict[str, Any]) -> None:
        for name, value in numbers(row).items():
            writer.add_scalar(name, value, step)

    with library.SummaryWriter(folder / "tensorboard") as writer:
        writer.add_text("config", "\n".join(f"    {name} = {value}" for name, value in config.items()))
        yield report


@contextmanager
def _to_tracker(library: Any, folder: Path, config: dict[str, Any]) -> Iterator[Report]:
    """trackio and wandb share these three calls."""
    library.init(project="nanogpt-playground", name=folder.name, config=config)
    try:
        yield lambda step, row: library.log(numbers(row), step=step)
    finally:
        library.finish()


def numbers(row: dict[str, Any]) -> dict[str, float]:
    """What of a row can be drawn as a curve."""
    return {name: value for name, value in row.items() if name != "step" and isinstance(value, int | float)}
