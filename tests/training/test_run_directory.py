"""The directory of a run: one trainer at a time, and nothing good is overwritten by something bad."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import SMALL, result, stop

import train as train_py
from nanogpt.storage import checkpoint, states
from nanogpt.training.config import TrainConfig
from nanogpt.training.errors import TrainError
from nanogpt.training.run_directory import RunDirectory
from nanogpt.training.trainer import train, train_in_turn


def test_an_existing_run_is_not_overwritten(config: Callable[..., TrainConfig]) -> None:
    train(config("bigram", name="run"))
    before = result(config(name="run").folder)
    with pytest.raises(TrainError, match="--resume .* --overwrite .* --name"):
        train(config("bigram", name="run"))
    assert result(config(name="run").folder) == before


def test_nothing_to_resume(config: Callable[..., TrainConfig]) -> None:
    with pytest.raises(TrainError, match="holds no saved state"):
        train(config(name="run", resume=True))


def test_a_run_that_was_killed_before_its_first_state_may_be_begun_again(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, a rerun said "exists", --resume said "no saved state", and nothing said that only --overwrite helped."""

    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nanogpt.training.loop.estimate_losses", killed)
        with pytest.raises(KeyboardInterrupt):
            train(config("bigram", name="run"))
    assert (config(name="run").folder / "metrics.jsonl").exists()
    with pytest.raises(TrainError, match="holds no saved state .* Without --resume, the command begins a new run"):
        train(config("bigram", name="run", resume=True))
    assert train(config("bigram", name="run"))["step"] == 8


def test_a_run_can_be_continued_from_its_first_moment(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch, at_step: Any
) -> None:
    train(config(name="run"))
    whole = result(config(name="run").folder)

    def killed() -> None:
        raise KeyboardInterrupt

    at_step(1, killed)  # before the first interval of saved states is over
    with pytest.raises(KeyboardInterrupt):
        train(config(name="run", overwrite=True))
    at_step(-1, killed)
    train(config(name="run", resume=True))
    assert result(config(name="run").folder) == whole


def test_of_several_models_the_one_that_was_never_begun_is_begun(config: Callable[..., TrainConfig]) -> None:
    """Once, --resume ended at it: "holds no saved state"."""
    train(config("bigram", name="one"))
    train_in_turn([config("bigram", name="one", resume=True), config("bigram", name="two", resume=True)])
    checkpoint.read_model(config(name="two").folder)


def test_a_closed_pipe_is_one_sentence(config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    """`python train.py | head` ended in "error: : Broken pipe"."""

    def closed(text: str) -> None:
        if text.startswith("step 3"):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("nanogpt.training.loop.say", closed)
    with pytest.raises(TrainError, match=r"^Nobody reads the output any more\. The state of step 2 in .* is intact"):
        train(config(name="run"))


def test_overwriting_forgets_the_states_of_the_old_run(config: Callable[..., TrainConfig], at_step: Any) -> None:
    """States are kept by number, so a new run's first ones were dropped at once and the old run's were resumed."""
    train(config("bigram", name="run", max_iters=20))
    at_step(4, stop())
    train(config("bigram", name="run", overwrite=True))
    at_step(-1, stop())
    assert train(config("bigram", name="run", resume=True))["step"] == 8
    found = states.latest_state(config("bigram", name="run").folder / "state")
    assert found is not None
    assert found[1]["step"] == 8


def test_a_damaged_newest_state_costs_some_steps_and_nothing_else(
    config: Callable[..., TrainConfig], at_step: Any
) -> None:
    train(config(name="run"))
    folder = config(name="run").folder
    whole = result(folder)
    at_step(5, stop())
    train(config(name="run", overwrite=True))
    newest = folder / "state" / "00000006.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    at_step(-1, stop())
    train(config(name="run", resume=True))
    assert result(folder) == whole


def test_a_second_trainer_leaves_and_names_the_first(config: Callable[..., TrainConfig]) -> None:
    folder = config(name="run").folder
    folder.mkdir(parents=True)
    hold = (
        "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX);"
        "f.write(str(os.getpid())); f.flush(); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(folder / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        for how in ("overwrite", "resume"):
            with pytest.raises(TrainError, match=f"is being trained by process {other.pid}"):
                train(config("bigram", name="run", **{how: True}))
    train(config("bigram", name="run", overwrite=True))  # the kernel has freed the lock
    assert (folder / ".lock").read_text() == str(os.getpid())


def test_a_full_disk_is_an_error_and_the_old_model_stands(config: Callable[..., TrainConfig], text_file: Path) -> None:
    train(config(name="run"))
    folder = config(name="run").folder
    before = {name: (folder / name).read_bytes() for name in ("model.safetensors", "config.json", "tokenizer.json")}
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); import train;"
        "sys.exit(train.answer_errors(train.main, sys.argv[1:]))"
    )
    flags = [f"--{name}={value}" for name, value in SMALL.items()]
    command = [sys.executable, "-c", limited, "--model", "gpt", f"--data={text_file}", f"--out_dir={folder.parent}",
               "--name=run", "--overwrite", *flags]  # fmt: skip
    done = subprocess.run(command, cwd=Path(train_py.__file__).parent, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "File too large. There is no saved state." in done.stderr
    assert "Traceback" not in done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before
    checkpoint.read_model(folder)


def test_a_directory_that_fills_before_it_is_locked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory was examined before it was locked: two trainers could both find it empty, and one lost its run."""
    directory = RunDirectory(tmp_path / "run")
    real = fcntl.flock

    def after_another_trainer(*args: Any) -> None:
        (directory.path / "model.safetensors").write_text("another run's")
        real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", after_another_trainer)
        with pytest.raises(TrainError, match="run exists"), directory.claimed(may_exist=False):
            raise AssertionError("claimed")
    with directory.claimed(may_exist=True):
        pass


def test_what_a_killed_trainer_has_half_written_is_removed(tmp_path: Path) -> None:
    """Such files stayed for good, each as large as the model."""
    directory = RunDirectory(tmp_path / "run")
    directory.states.mkdir(parents=True)
    for path in (directory.path / ".model.safetensors.abcd_123", directory.states / ".00000002.json.x1y2z3a4"):
        path.write_text("half")
    (directory.path / "model.safetensors").write_text("whole")
    with directory.claimed(may_exist=True):
        pass
    assert sorted(path.name for path in directory.path.rglob("*")) == [".lock", "model.safetensors", "state"]


def test_a_claim_that_wrote_nothing_may_be_repeated(tmp_path: Path) -> None:
    """A run that is interrupted while its distillation targets are computed leaves nothing but its lock file."""
    for _ in range(2):
        with RunDirectory(tmp_path / "run").claimed(may_exist=False):
            pass
    assert [file.name for file in (tmp_path / "run").iterdir()] == [".lock"]


def test_a_cleared_directory_keeps_the_model_and_loses_the_run(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    for folder in (directory.states, directory.snapshots, tmp_path / "tensorboard"):
        folder.mkdir()
        (folder / "file").write_text("old")
    (tmp_path / "model.safetensors").write_text("old")
    directory.log({"step": 1})
    directory.clear()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["metrics.jsonl", "model.safetensors"]
    assert directory.log_bytes() == 0


def test_the_log_is_cut_where_the_state_was_saved(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.log({"step": 1, "loss": 4.0})
    size = directory.log_bytes()
    directory.log({"step": 2, "norm": None})
    assert [json.loads(line) for line in directory.log_file.read_text().splitlines()][1] == {"step": 2, "norm": None}
    directory.cut_log(size)
    assert directory.log_file.read_text() == '{"step": 1, "loss": 4.0}\n'


def test_a_failed_run_is_told_which_state_is_intact(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    assert directory.describe_saved_state() == "There is no saved state."
    with pytest.raises(TrainError, match="holds no saved state to continue from"):
        directory.latest_state()
    states.save_state(directory.states, 12, {"x": torch.ones(1)}, {"seconds": 1.0})
    assert directory.latest_state()[1]["step"] == 12
    expected = f"The state of step 12 in {directory.states} is intact; --resume continues from it."
    assert directory.describe_saved_state() == expected
