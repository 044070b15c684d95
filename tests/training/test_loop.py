"""A run from its first step to a finished checkpoint: what it prints, logs, keeps and reaches."""

import json
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from short_runs import result, rows, stop

from nanogpt import cli
from nanogpt.analysis import score
from nanogpt.models import MODELS
from nanogpt.storage import checkpoint
from nanogpt.training import loop
from nanogpt.training.config import TrainConfig
from nanogpt.training.loop import snapshot_steps
from nanogpt.training.trainer import train


def test_stopped_twice_on_the_way(config: Callable[..., TrainConfig], at_step: Any) -> None:
    train(config(name="run"))
    folder = config(name="run").folder
    whole = result(folder)
    for step, how in ((1, "overwrite"), (4, "resume"), (-1, "resume")):
        at_step(step, stop())
        train(config(name="run", **{how: True}))
    assert result(folder) == whole


def test_stopped_before_the_first_step(config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was stopped in its first evaluation made it once more when resumed, and logged it twice."""
    train(config(name="run"))
    folder = config(name="run").folder
    whole = result(folder)
    real = loop.sample_text

    def stopping(*args: Any) -> str:
        monkeypatch.setattr(loop, "sample_text", real)
        signal.raise_signal(signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(loop, "sample_text", stopping)
    assert train(config(name="run", overwrite=True))["step"] == 0
    train(config(name="run", resume=True))
    assert result(folder) == whole


def test_a_run_may_be_limited_in_time(config: Callable[..., TrainConfig]) -> None:
    row = train(config(name="run", max_iters=1_000_000, max_seconds=0.2, eval_interval=1_000_000))
    assert 0.2 <= row["seconds"] < 2
    assert 0 < row["step"] < 1_000_000


@pytest.mark.parametrize("kind", MODELS)
def test_the_first_loss_is_ln_v(kind: str, config: Callable[..., TrainConfig], text: str) -> None:
    train(config(kind, name="run", max_iters=1))
    first = rows(config(name="run").folder)[0]
    expected = torch.tensor(float(len(set(text)))).log().item()
    assert first["step"] == 0
    assert first["train"] == pytest.approx(expected, abs=1e-3)
    assert first["val"] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("kind", MODELS)
def test_the_loss_falls(kind: str, config: Callable[..., TrainConfig]) -> None:
    row = train(config(kind, name="run", max_iters=60, eval_interval=100, save_interval=100, warmup_iters=5))
    first = rows(config(name="run").folder)[0]
    window = 256 if kind in ("bigram", "trigram", "mlp") else 16
    assert row[f"full_val_{window}"] < first["val"] - 1


def test_snapshots_show_the_way(config: Callable[..., TrainConfig], at_step: Any) -> None:
    assert snapshot_steps(12, 1500) == [0, 1, 2, 4, 9, 19, 39, 80, 167, 347, 722, 1500]
    for count in (2, 3, 12):
        assert snapshot_steps(count, 8)[-1] == 8
    at_step(3, stop())
    train(config(name="run", snapshots=4, ema_decay=0.5))
    at_step(-1, stop())
    train(config(name="run", snapshots=4, ema_decay=0.5, resume=True))
    folder = config(name="run").folder
    names = sorted(path.stem for path in (folder / "snapshots").iterdir())
    assert names == [f"{step:08d}" for step in (0, 1, 3, 8)]
    last = safetensors.torch.load_file(folder / "snapshots" / "00000008.safetensors")
    model = safetensors.torch.load_file(folder / "model.safetensors")
    assert last.keys() == model.keys()
    assert all(torch.equal(last[name], model[name]) for name in model)
    train(config(name="run", overwrite=True))
    assert not (folder / "snapshots").exists()


def test_samples_may_come_at_their_own_distance(
    config: Callable[..., TrainConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(**given: Any) -> int:
        train(config(name="run", overwrite=True, **given))
        return sum(line.startswith(("  '", '  "')) for line in capsys.readouterr().out.splitlines())

    assert shown(eval_interval=3) == 3  # before the first step, after 3 and 6
    assert shown(eval_interval=3, sample_interval=2) == 4
    assert shown(eval_interval=100, sample_interval=100) == 1


def test_the_published_loss_is_that_of_the_saved_file(config: Callable[..., TrainConfig], text_file: Path) -> None:
    row = train(config(name="run", ema_decay=0.5))
    model, tokenizer = checkpoint.read_model(config(name="run").folder)
    text = text_file.read_text()
    val = torch.tensor(tokenizer.encode(text[int(len(text) * 0.9) :]))
    assert score.windows_loss(model, val, 16, [0]) == row["full_val_16"]


def test_the_protocol_prints_what_the_run_reached(
    config: Callable[..., TrainConfig], text_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, window in (("bigram", 256), ("gpt", 16)):
        row = train(config(kind, name="run", overwrite=True))
        capsys.readouterr()
        where = ["--checkpoints", str(config().folder.parent), "--data", str(text_file)]
        assert cli.main(["score", "--protocol", "--model", "run", "--json", *where]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed[f"full_val_{window}"] == pytest.approx(row[f"full_val_{window}"], abs=1e-6)
        assert printed["training_seconds"] == row["seconds"]
        assert printed["trained_characters"] == row["tokens"]
        assert printed["parameters"] == row["parameters"]


@pytest.fixture
def noise_file(tmp_path: Path) -> Path:
    """A text without anything to learn but its own letters: whoever reads it again and again learns it by heart."""
    path = tmp_path / "noise.txt"
    path.write_text("".join(random.Random(3).choices("abcdefghijklmnop", k=1500)))
    return path


OVERFITTING = {"n_embd": 64, "max_iters": 60, "eval_interval": 5, "batch_size": 16, "matrix_lr": 0.05}


def test_the_best_weights_ship(
    config: Callable[..., TrainConfig], noise_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, a loss of 2.59 at step 100 ended as a checkpoint of 4.15 without a word."""
    more = {"data": str(noise_file), **OVERFITTING}
    best = train(config(name="best", **more))["full_val_16"]
    printed = capsys.readouterr().out
    judged = {row["step"]: row["val"] for row in rows(config(name="best").folder) if "val" in row}
    lowest = min(judged, key=lambda step: judged[step])
    assert judged[60] > judged[lowest] + 0.1  # or this test would prove nothing
    assert best == pytest.approx(judged[lowest], abs=0.02)
    turned = (
        f"The validation loss was lowest at step {lowest}, {judged[lowest]:.4f}, and {judged[60]:.4f} at step 60; "
        f"the checkpoint has the weights of step {lowest}."
    )
    assert turned in printed
    assert turned in (config(name="best").folder / "README.md").read_text()
    last = train(config(name="last", keep="last", **more))["full_val_16"]
    assert last == pytest.approx(judged[60], abs=0.02)
    assert "the checkpoint has the weights of step 60." in capsys.readouterr().out


def test_the_best_weights_outlive_a_stop(config: Callable[..., TrainConfig], noise_file: Path, at_step: Any) -> None:
    more = {"data": str(noise_file), **OVERFITTING}
    train(config(name="run", **more))
    whole = result(config(name="run").folder)
    at_step(40, stop())  # long after the best
    train(config(name="run", overwrite=True, **more))
    at_step(-1, stop())
    train(config(name="run", resume=True, **more))
    assert result(config(name="run").folder) == whole


def test_a_run_without_patience_goes_on_and_one_with_it_ends(
    config: Callable[..., TrainConfig], noise_file: Path
) -> None:
    row = train(config(name="run", data=str(noise_file), patience=2, **OVERFITTING))
    judged = {row["step"]: row["val"] for row in rows(config(name="run").folder) if "val" in row}
    lowest = min(judged, key=lambda step: judged[step])
    assert row["step"] == lowest + 2 * OVERFITTING["eval_interval"] < 60
    whole = result(config(name="run").folder)
    assert (
        train(config(name="run", data=str(noise_file), patience=2, resume=True, **OVERFITTING))["step"] == row["step"]
    )
    assert result(config(name="run").folder) == whole


def test_overwriting_keeps_the_finished_model_until_the_new_one_is_finished(
    config: Callable[..., TrainConfig], at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """An early Ctrl-C replaced a finished model by one of 53 steps."""
    train(config(name="run"))
    model = config(name="run").folder / "model.safetensors"
    finished = model.read_bytes()
    for step, how in ((2, "overwrite"), (4, "resume")):
        at_step(step, stop())
        train(config(name="run", seed=2, **{how: True}))
        assert model.read_bytes() == finished
        assert f"stopped at step {step + 1}; " in (printed := capsys.readouterr().out)
        assert "still has the model of the earlier run" in printed
        assert "to continue from step" in printed
    at_step(-1, stop())
    train(config(name="run", seed=2, resume=True))
    assert model.read_bytes() != finished
    at_step(2, stop())
    train(config(name="other"))
    assert (config(name="other").folder / "model.safetensors").exists()  # there was nothing to keep


def test_a_slow_first_step_tells_the_time_to_go(
    config: Callable[..., TrainConfig], at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once, it came after the tenth step: for a large model, after minutes."""
    at_step(0, lambda: time.sleep(1.1))
    train(config(name="run", max_iters=601, eval_interval=1000, save_interval=1000, max_seconds=1.2))
    told = re.findall(r"about ([\d.]+) minutes of training to go", capsys.readouterr().out)
    assert float(told[0]) >= 11  # 600 more of 1.1 seconds
