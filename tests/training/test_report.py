"""Dashboards hear what metrics.jsonl says, and are imported only when they are asked for."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from nanogpt.training import report

RUN = ["--model", "bigram", "--max_iters", "4", "--log_interval", "1", "--eval_interval", "2", "--eval_iters", "1",
       "--num_threads", "1", "--name", "run"]  # fmt: skip


def train(text_file: Path, out: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "train.py", *RUN, "--data", str(text_file), "--out_dir", str(out), *more]
    return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)


def test_tensorboard_hears_what_is_logged(text_file: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    done = train(text_file, tmp_path, "--report_to", "tensorboard")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    for name in ("loss", "val", "full_val_256"):
        told = [(event.step, event.value) for event in events.Scalars(name)]
        written = [(line["step"], pytest.approx(line[name], abs=1e-5)) for line in lines if name in line]
        assert told == written
    assert "machine" not in events.Tags()["scalars"]


def test_an_overwritten_run_leaves_no_old_curves(text_file: Path, tmp_path: Path) -> None:
    for more in ((), ("--overwrite",)):
        assert train(text_file, tmp_path, "--report_to", "tensorboard", *more).returncode == 0
    assert len(list((tmp_path / "run" / "tensorboard").iterdir())) == 1


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed here")
def test_a_missing_library_is_named_before_anything_is_written(text_file: Path, tmp_path: Path) -> None:
    done = train(text_file, tmp_path, "--report_to", "wandb")
    assert done.returncode == 1
    assert done.stderr.startswith("error: report_to wandb needs its package: pip install wandb")
    assert list(tmp_path.iterdir()) in ([], [text_file])


def test_nothing_is_imported_that_was_not_asked_for() -> None:
    code = "import sys, train; print({'tensorboard', 'trackio', 'wandb', 'matplotlib'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_only_numbers_are_curves() -> None:
    assert report.numbers({"step": 3, "loss": 1.5, "tokens": 7, "machine": "x"}) == {"loss": 1.5, "tokens": 7}
