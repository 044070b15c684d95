"""The plot of runs: drawn from their logs, and from nothing else."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from nanogpt.cli import main
from nanogpt.storage.checkpoint import CheckpointError
from nanogpt.training.plot import loss_curve


def run(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


ROWS = [
    {"step": 0, "seconds": 0.0, "train": 4.2, "val": 4.2},
    {"step": 10, "seconds": 1.5, "loss": 3.0},
    {"step": 20, "seconds": 3.0, "train": 2.1, "val": 2.25},
    {"step": 30, "seconds": 4.5, "full_val_128": 1.875},
]


def test_a_curve_is_the_evaluations_after_the_first_step(tmp_path: Path) -> None:
    assert loss_curve(run(tmp_path / "a", ROWS)) == ([3.0, 4.5], [2.25, 1.875])


def test_a_plot_names_each_run_and_its_last_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [run(tmp_path / "a$x_1^2$", ROWS), run(tmp_path / "b", ROWS[:3])]
    out = tmp_path / "loss.svg"
    assert main(["plot", *map(str, folders), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    ElementTree.parse(out)  # well-formed
    drawn = out.read_bytes()
    assert b"<!-- b  2.2500 -->" in drawn
    assert b"<!-- a$x_1^2$  1.8750 -->" in drawn  # a name is text, never markup
    assert main(["plot", *map(str, folders), "--out", str(out)]) == 0
    assert out.read_bytes() == drawn


@pytest.mark.parametrize("rows", [[], ROWS[:2], [{"seconds": "x", "val": 1}], [{"val": 1}], ["words"], [3]])
def test_a_log_that_cannot_be_drawn_is_named(rows: list[Any], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"^a/metrics\.jsonl: "):
        loss_curve(run(tmp_path / "a", rows))
