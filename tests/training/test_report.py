"""Dashboards hear what metrics.jsonl says, and are imported only when they are asked for."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from short_runs import rows

import train as train_py
from nanogpt import cli
from nanogpt.training import report
from nanogpt.training.config import TrainConfig
from nanogpt.training.trainer import train

RUN = {"max_iters": 4, "eval_interval": 2}


def test_tensorboard_hears_what_is_logged(config: Callable[..., TrainConfig]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = config("bigram", name="run", report_to="tensorboard", **RUN)
    train(run)
    lines = rows(run.folder)
    events = EventAccumulator(str(run.folder / "tensorboard"))
    events.Reload()
    for name in ("loss", "val", "full_val_256"):
        told = [(event.step, event.value) for event in events.Scalars(name)]
        written = [(line["step"], pytest.approx(line[name], abs=1e-5)) for line in lines if name in line]
        assert told == written
    assert "machine" not in events.Tags()["scalars"]


def test_an_overwritten_run_leaves_no_old_curves(config: Callable[..., TrainConfig]) -> None:
    for overwrite in (False, True):
        run = config("bigram", name="run", report_to="tensorboard", overwrite=overwrite, **RUN)
        train(run)
    assert len(list((run.folder / "tensorboard").iterdir())) == 1


@pytest.mark.skipif(importlib.util.find_spec("wandb") is not None, reason="wandb is installed here")
def test_a_missing_library_is_named_before_anything_is_written(
    text_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", "bigram", "--data", str(text_file), "--out_dir", str(tmp_path), "--report_to", "wandb"]
    assert cli.answer_errors(train_py.main, options) == 1
    assert capsys.readouterr().err.startswith("error: report_to wandb needs its package: pip install wandb")
    assert list(tmp_path.iterdir()) == [text_file]


def test_nothing_is_imported_that_was_not_asked_for() -> None:
    code = "import sys, train; print({'tensorboard', 'trackio', 'wandb', 'matplotlib'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_only_numbers_are_curves() -> None:
    assert report.numbers({"step": 3, "loss": 1.5, "tokens": 7, "machine": "x"}) == {"loss": 1.5, "tokens": 7}
