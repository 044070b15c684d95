"""Sends a run's numbers to a dashboard. The dashboard's library is imported only when the dashboard is asked for.

Knows names and numbers; knows no model. `metrics.jsonl` is written in any case, by the run itself.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

REPORTERS = ("none", "tensorboard", "trackio", "wandb")
Report = Callable[[int, dict[str, Any]], None]  # (step, row)


def discard(step: int, row: dict[str, Any]) -> None:
    """The report of a run without a dashboard."""


Reporting = Callable[[Path, dict[str, Any]], AbstractContextManager[Report]]


def reporter(kind: str) -> Reporting:
    """Prepare a dashboard: return a context manager of (run directory, config) that gives a `Report` to call.

    TensorBoard's files go to `tensorboard` in the run directory; trackio and wandb call the run by the directory's
    name. Raises ValueError if the library is not installed.
    """
    if kind == "none":
        return lambda folder, config: nullcontext(discard)
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
    """trackio and wandb have the same three functions."""
    library.init(project="nanogpt-playground", name=folder.name, config=config)
    try:
        yield lambda step, row: library.log(numbers(row), step=step)
    finally:
        library.finish()


def numbers(row: dict[str, Any]) -> dict[str, float]:
    """The values of a row that can be drawn as curves."""
    return {name: value for name, value in row.items() if name != "step" and isinstance(value, int | float)}
