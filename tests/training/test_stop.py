"""Ctrl-C and SIGTERM end a run, and the whole command with it."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from short_runs import result, stop

from nanogpt.storage import checkpoint, states
from nanogpt.training.config import TrainConfig
from nanogpt.training.stop import Stop
from nanogpt.training.trainer import train

REPOSITORY = Path(__file__).parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM)
Command = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def command(text_file: Path, tmp_path: Path) -> Command:
    """command(…) → `python train.py` in a process of its own, with a first model that trains until it is stopped."""

    def start(*options: str) -> "subprocess.Popen[str]":
        endless = "--max_iters 1000000 --eval_interval 1000000 --save_interval 1000000 --eval_iters 1 --num_threads 1"
        words = [sys.executable, "train.py", *endless.split(), *options]
        words += ["--data", str(text_file), "--out_dir", str(tmp_path / "out"), "--device", "cpu"]
        return subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def read_until(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"{words!r} was not printed: {process.communicate()[1]}")


@pytest.mark.parametrize("number", SIGNALS)
def test_one_signal_ends_the_whole_command(number: signal.Signals, command: Command, tmp_path: Path) -> None:
    """Ctrl-C in a plain `python train.py` saved the bigram and then trained the GPT."""
    with command() as process:
        read_until(process, "minutes of training to go")
        process.send_signal(number)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert [folder.name for folder in (tmp_path / "out").iterdir()] == ["my-bigram"]
    checkpoint.read_model(tmp_path / "out" / "my-bigram")
    found = states.latest_state(tmp_path / "out" / "my-bigram" / "state")
    assert found is not None
    *_, resume, rest = printed.splitlines()
    assert resume == f"to continue from step {found[1]['step']:,}, repeat the command with --model bigram --resume"
    assert rest == "not trained: gpt. To train the rest, repeat the command with --model gpt and no other --model"


def test_the_second_signal_ends_the_command_at_once_without_a_traceback(command: Command, tmp_path: Path) -> None:
    with command("--model", "gpt", "--n_layer", "4", "--batch_size", "128") as process:  # long steps
        read_until(process, "step 0:")
        read_until(process, "  ")
        process.send_signal(signal.SIGINT)
        read_until(process, "stopping after this step")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.endswith("stopped at once; the last saved state, if there is one, is intact\n")
    assert "Traceback" not in errors
    assert not (tmp_path / "out" / "my-gpt" / "model.safetensors").exists()


def test_the_first_signal_requests_a_stop_and_the_second_interrupts() -> None:
    request = Stop()
    previous = [signal.getsignal(number) for number in SIGNALS]
    with request.on_signal():
        assert not request.requested
        signal.raise_signal(signal.SIGTERM)
        assert request.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in SIGNALS] == previous


def test_the_second_signal_stops_at_once_and_loses_only_what_was_not_saved(
    config: Callable[..., TrainConfig], at_step: Any
) -> None:
    train(config(name="run"))
    folder = config(name="run").folder
    whole = result(folder)
    at_step(5, stop(times=2))
    with pytest.raises(KeyboardInterrupt):
        train(config(name="run", overwrite=True))
    found = states.latest_state(folder / "state")
    assert found is not None
    assert found[1]["step"] == 4
    at_step(-1, stop())
    train(config(name="run", resume=True))
    assert result(folder) == whole


def test_signals_are_given_back(config: Callable[..., TrainConfig]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train(config("bigram", name="run", max_iters=1))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
