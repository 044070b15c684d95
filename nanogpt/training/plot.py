"""A plot of validation loss against training seconds, from the logs of runs. Knows files; knows no model.

matplotlib is imported only when a plot is drawn.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nanogpt.storage.checkpoint import METRICS, CheckpointError, metrics


def loss_curve(folder: Path) -> tuple[list[float], list[float]]:
    """The training seconds and the validation losses (nats per character) of a run's evaluations, in order.

    The last one is that of the evaluation protocol. Raises CheckpointError.
    """
    try:
        rows = [(row["seconds"], _loss(row)) for row in metrics(folder)]
        points = [(float(seconds), float(loss)) for seconds, loss in rows if loss is not None and seconds > 0]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder.name}/{METRICS}: not the log of a run ({error!r}).") from error
    if not points:
        raise CheckpointError(f"{folder.name}/{METRICS}: no evaluation after the first step.")
    seconds, losses = zip(*points, strict=True)
    return list(seconds), list(losses)


def _loss(row: dict[str, Any]) -> Any:
    return next((value for name, value in row.items() if name == "val" or name.startswith("full_val_")), None)


def plot_runs(folders: Sequence[Path], target: Path) -> None:
    """Draw the runs in `folders` into the file `target`; its suffix (svg, png, pdf) gives the format.

    Raises CheckpointError for a log that cannot be drawn, ValueError without matplotlib.
    """
    curves = {folder.name: loss_curve(folder) for folder in folders}
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ValueError(f"plot needs its package: pip install matplotlib ({error}).") from error
    matplotlib.rcParams["svg.hashsalt"] = "nanogpt"  # the same runs give the same bytes
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, (seconds, losses) in curves.items():
        (line,) = axes.plot(seconds, losses, marker=".")
        axes.annotate(f"{name}  {losses[-1]:.4f}", (seconds[-1], losses[-1]), xytext=(6, 0),
                      textcoords="offset points", parse_math=False, color=line.get_color(), va="center")  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.16)
    axes.set_xlabel("training seconds")
    axes.set_ylabel("validation loss, nats per character")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Date": None} if target.suffix == ".svg" else None)
