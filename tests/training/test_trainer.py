"""Training: resumed is never stopped, and nothing good is ever overwritten by something bad."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import train as train_py
from nanogpt import cli
from nanogpt.models import MODELS
from nanogpt.storage import checkpoint
from nanogpt.text.corpus import DataError
from nanogpt.training import trainer
from nanogpt.training.config import TrainConfig
from nanogpt.training.distributed import Group
from nanogpt.training.presets import PRESETS, resolve
from nanogpt.training.trainer import TrainError, train, train_in_turn

SMALL = {
    "n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 16, "batch_size": 4, "max_iters": 8, "eval_interval": 3,
    "eval_iters": 1, "log_interval": 1, "save_interval": 2, "warmup_iters": 2, "device": "cpu", "dtype": "float32",
    "num_threads": 1,
}  # fmt: skip


@pytest.fixture(autouse=True)
def global_generator() -> Any:
    """Training seeds torch's global generator; the other tests must not depend on that."""
    with torch.random.fork_rng():
        yield


@pytest.fixture
def config(text_file: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    """config(model="gpt", name="a", …) → a run of a second or less."""

    def make(model: str = "gpt", **given: Any) -> TrainConfig:
        return resolve(model, None, {**SMALL, "data": str(text_file), "out_dir": str(tmp_path / "out"), **given})

    return make


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """at_step(n, act): do something in the middle of step n, where its learning rate is asked for."""
    real = trainer.schedule

    def install(step: int, act: Callable[[], None]) -> None:
        def schedule(now: int, *args: Any, **kwargs: Any) -> float:
            if now == step:
                act()
            return real(now, *args, **kwargs)

        monkeypatch.setattr(trainer, "schedule", schedule)

    return install


def rows(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, but for the time they took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def result(folder: Path) -> dict[str, Any]:
    """Everything that a run leaves, but for the time it took."""
    found = checkpoint.latest_state(folder / "state")
    assert found is not None
    return {
        "model": (folder / "model.safetensors").read_bytes(),
        "state": (folder / "state" / f"{found[1]['step']:08d}.safetensors").read_bytes(),
        "step": found[1]["step"],
        "metrics": rows(folder),
        "card": re.sub(r"\| training seconds.*", "", (folder / "README.md").read_text()),
    }


def stop(number: signal.Signals = signal.SIGTERM, times: int = 1) -> Callable[[], None]:
    def act() -> None:
        for _ in range(times):
            signal.raise_signal(number)

    return act


# --- resumed = never stopped -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_resumed_is_never_stopped(
    kind: str, config: Callable[..., TrainConfig], at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bit for bit, cut in any step: the first, those beside and on evaluations and saves, the last."""
    more: dict[str, Any] = {"dropout": 0.2, "max_iters": 10, **({"ema_decay": 0.9} if kind == "gpt" else {})}
    train(config(kind, name="run", **more))
    folder = config(kind, name="run").folder
    whole = result(folder)
    for cut in range(10):
        at_step(cut, stop(signal.SIGINT if cut % 2 else signal.SIGTERM))
        row = train(config(kind, name="run", overwrite=True, **more))
        assert row["step"] == cut + 1
        at_step(-1, stop())
        train(config(kind, name="run", resume=True, **more))
        assert result(folder) == whole, f"cut in step {cut}"
    assert f"to continue from step 3, repeat the command with --model {kind} --resume" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["model", "optimizer.0", "optimizer.1", "average", "windows", "dropout"])
def test_a_resumed_run_needs_every_part_of_the_state(
    part: str, config: Callable[..., TrainConfig], at_step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The law above would be vacuous if something that a step depends on could be left out, luck among it."""
    more: dict[str, Any] = {"dropout": 0.2, "ema_decay": 0.9}
    train(config(name="run", **more))
    folder = config(name="run").folder
    whole = result(folder)
    at_step(3, stop())
    train(config(name="run", overwrite=True, **more))
    at_step(-1, stop())
    real = trainer.checkpoint.latest_state

    def without(folder: Path) -> Any:
        tensors, info = real(folder)  # type: ignore[misc]
        return {name: t * 0 if name.startswith(part) else t for name, t in tensors.items()}, info

    with monkeypatch.context() as patch:
        if part == "windows":
            patch.setattr(
                trainer.Windows, "batch", lambda w, number, size, batch=trainer.Windows.batch: batch(w, 0, size)
            )
        elif part == "dropout":
            patch.setattr(trainer, "mix_seed", lambda *numbers: 0)
        else:
            patch.setattr(trainer.checkpoint, "latest_state", without)
        train(config(name="run", resume=True, **more))
    assert result(folder) != whole


def test_bfloat16_learns_what_float32_does_and_resumes(config: Callable[..., TrainConfig], at_step: Any) -> None:
    """Its own attention and its own Newton-Schulz: other roundings, not other laws."""
    train(config(name="exact"))
    train(config(name="run", dtype="bfloat16"))
    folder = config(name="run").folder
    whole = result(folder)
    losses = [[row["loss"] for row in rows(config(name=name).folder) if "loss" in row] for name in ("exact", "run")]
    assert losses[0] == pytest.approx(losses[1], abs=0.01)
    assert losses[0] != losses[1]
    at_step(4, stop())
    train(config(name="run", dtype="bfloat16", overwrite=True))
    at_step(-1, stop())
    train(config(name="run", dtype="bfloat16", resume=True))
    assert result(folder) == whole


@pytest.mark.parametrize("kind", ["bigram", "gpt"])
def test_float16_scales_its_loss_and_resumes(kind: str, config: Callable[..., TrainConfig], at_step: Any) -> None:
    train(config(kind, name="run", dtype="float16"))
    folder = config(name="run").folder
    whole = result(folder)
    assert [row["loss"] for row in whole["metrics"] if "loss" in row][-1] < whole["metrics"][0]["train"]
    found = checkpoint.latest_state(folder / "state")
    assert found is not None
    assert found[1]["scaler"]["scale"] >= 1
    at_step(4, stop())
    train(config(kind, name="run", dtype="float16", overwrite=True))
    at_step(-1, stop())
    train(config(kind, name="run", dtype="float16", resume=True))
    assert result(folder) == whole
    with pytest.raises(TrainError, match="of another model, optimizer or dtype"):
        train(config("self_attention", name="run", dtype="float16", resume=True))


def test_float16_skips_a_step_that_overflows(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scale far beyond float16's range is halved, without an update, until the gradients fit."""
    real = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *args, **kwargs: real(*args, init_scale=2.0**22, **kwargs))
    train(config(name="run", dtype="float16"))
    found = checkpoint.latest_state(config(name="run").folder / "state")
    assert found is not None
    assert found[1]["scaler"]["scale"] < 2.0**22
    assert all(t.isfinite().all() for t in found[0].values())
    logged = [row for row in rows(config(name="run").folder) if "loss" in row]
    assert all(torch.isfinite(torch.tensor([row["loss"] for row in logged])))
    assert logged[0]["norm"] is None  # JSON knows no infinity


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
    real = trainer.sample

    def stopping(*args: Any) -> str:
        monkeypatch.setattr(trainer, "sample", real)
        signal.raise_signal(signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(trainer, "sample", stopping)
    assert train(config(name="run", overwrite=True))["step"] == 0
    train(config(name="run", resume=True))
    assert result(folder) == whole


def test_the_second_signal_stops_at_once_and_loses_only_what_was_not_saved(
    config: Callable[..., TrainConfig], at_step: Any
) -> None:
    train(config(name="run"))
    folder = config(name="run").folder
    whole = result(folder)
    at_step(5, stop(times=2))
    with pytest.raises(KeyboardInterrupt):
        train(config(name="run", overwrite=True))
    found = checkpoint.latest_state(folder / "state")
    assert found is not None
    assert found[1]["step"] == 4
    at_step(-1, stop())
    train(config(name="run", resume=True))
    assert result(folder) == whole


def test_a_stop_begins_no_further_model(
    config: Callable[..., TrainConfig], at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A time limit ends one model; a signal, to any process of the group, ends the sequence."""

    class StoppedElsewhere(Group):
        def any(self, flag: bool) -> bool:
            return True

    limited = [config(kind, name=kind, max_seconds=1e-9) for kind in ("bigram", "trigram")]
    train_in_turn(limited)
    assert [json.loads(c.folder.joinpath("metrics.jsonl").read_text().splitlines()[-1])["step"] for c in limited] == [
        1,
        1,
    ]
    assert "not trained" not in capsys.readouterr().out
    for group, step in ((Group(), 3), (StoppedElsewhere(), -1)):
        at_step(step, stop())
        again = [config(kind, name=kind, overwrite=True) for kind in ("bigram", "trigram", "mlp")]
        train_in_turn(again, group=group)
        assert "not trained: trigram, mlp." in capsys.readouterr().out
        assert not again[2].folder.exists()


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


def test_signals_are_given_back(config: Callable[..., TrainConfig]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train(config("bigram", name="run", max_iters=1))
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_overwriting_forgets_the_states_of_the_old_run(config: Callable[..., TrainConfig], at_step: Any) -> None:
    """States are kept by number, so a new run's first ones were dropped at once and the old run's were resumed."""
    train(config("bigram", name="run", max_iters=20))
    at_step(4, stop())
    train(config("bigram", name="run", overwrite=True))
    at_step(-1, stop())
    assert train(config("bigram", name="run", resume=True))["step"] == 8
    found = checkpoint.latest_state(config("bigram", name="run").folder / "state")
    assert found is not None
    assert found[1]["step"] == 8


def test_states_of_another_model_are_refused(config: Callable[..., TrainConfig]) -> None:
    train(config("bigram", name="run"))
    with pytest.raises(TrainError, match="of another model, optimizer or dtype"):
        train(config("gpt", name="run", resume=True))


def test_nothing_to_resume(config: Callable[..., TrainConfig]) -> None:
    with pytest.raises(TrainError, match="holds no saved state"):
        train(config(name="run", resume=True))


# --- nothing is lost ---------------------------------------------------------------------------------------


def test_an_existing_run_is_not_overwritten(config: Callable[..., TrainConfig]) -> None:
    train(config("bigram", name="run"))
    before = result(config(name="run").folder)
    with pytest.raises(TrainError, match="--resume .* --overwrite .* --name"):
        train(config("bigram", name="run"))
    assert result(config(name="run").folder) == before


def test_a_loss_that_is_not_finite_stops_before_the_update(config: Callable[..., TrainConfig]) -> None:
    """At a rate of 1e20 the first update destroys the weights; the next step must say so and save nothing."""
    with pytest.raises(TrainError, match=r"Step 1: the loss is .* rate of 1e\+20\. .* There is no saved state"):
        train(config(name="run", learning_rate=1e20, matrix_lr=1e20, warmup_iters=0))
    assert not (config(name="run").folder / "model.safetensors").exists()


def test_a_loss_that_is_not_finite_leaves_the_last_state(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trainer.F.cross_entropy
    calls: list[int] = []

    def turning_bad(logits: Any, target: Any, **kwargs: Any) -> Any:
        if logits.requires_grad:
            calls.append(1)
        loss = real(logits, target, **kwargs)
        return loss * float("nan") if len(calls) == 6 else loss

    monkeypatch.setattr(trainer.F, "cross_entropy", turning_bad)
    with pytest.raises(TrainError, match="Step 5: the loss is nan.* The state of step 4 in .* is intact"):
        train(config(name="run"))
    monkeypatch.undo()
    found = checkpoint.latest_state(config(name="run").folder / "state")
    assert found is not None
    assert all(t.isfinite().all() for t in found[0].values())


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
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before
    checkpoint.read_model(folder)


def test_a_killed_trainer_loses_no_checkpoint(text_file: Path, tmp_path: Path) -> None:
    """kill -9 at random moments; KILLS sets how many."""
    command = [sys.executable, "train.py", "--model", "gpt", f"--data={text_file}", f"--out_dir={tmp_path}",
               "--name=run", *(f"--{name}={value}" for name, value in {**SMALL, "max_iters": 1_000_000,
               "save_interval": 1, "eval_interval": 1_000_000}.items())]  # fmt: skip
    moments = random.Random(1)
    newest = 0
    for kill in range(int(os.environ.get("KILLS", "3"))):
        how = ["--resume"] if kill else []
        with subprocess.Popen(
            [*command, *how], cwd=Path(train_py.__file__).parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as trainer_:
            while True:  # until it has gone a step further
                found = checkpoint.latest_state(tmp_path / "run" / "state")
                if found and found[1]["step"] > newest:
                    break
                assert trainer_.poll() is None, trainer_.stderr and trainer_.stderr.read()
                time.sleep(0.05)
            time.sleep(moments.random())
            trainer_.kill()
        found = checkpoint.latest_state(tmp_path / "run" / "state")
        assert found is not None
        assert found[1]["step"] > newest
        newest = found[1]["step"]


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


@pytest.mark.parametrize(
    ("kind", "text", "given"),
    [
        ("gpt", "ab" * 10, {}),  # no two windows to train on
        ("gpt", "abc" * 50, {"val_fraction": 0.05}),  # no window to judge on
        ("bigram", "abc" * 500, {"val_fraction": 0.2}),  # room for a window of 256, not for all its offsets
    ],
)
def test_a_text_that_is_too_short_is_refused_before_anything_is_written(
    kind: str, text: str, given: dict[str, Any], config: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    """It used to end in a RuntimeError, or in a ValueError after hours of training, and leave a folder."""
    (tmp_path / "short.txt").write_text(text)
    with pytest.raises(DataError, match=r"The (training|validation) text has \d+ characters; "):
        train(config(kind, name="run", data=str(tmp_path / "short.txt"), **given))
    assert not (tmp_path / "out").exists()


# --- the arithmetic ----------------------------------------------------------------------------------------


def test_accumulated_batches_are_one_large_batch(config: Callable[..., TrainConfig]) -> None:
    kwargs = {"dropout": 0.0, "max_iters": 4, "optimizer": "adamw"}
    train(config(name="one", batch_size=16, gradient_accumulation_steps=1, **kwargs))
    train(config(name="two", batch_size=8, gradient_accumulation_steps=2, **kwargs))
    for a, b in zip(rows(config(name="one").folder), rows(config(name="two").folder), strict=True):
        assert a.keys() == b.keys()
        for key in a.keys() & {"loss", "norm", "train", "val", "full_val_16"}:
            assert a[key] == pytest.approx(b[key], abs=1e-5)
    for name in ("one", "two"):
        assert rows(config(name=name).folder)[-1]["tokens"] == 4 * 16 * 16


def test_checkpointed_blocks_give_the_same_gradients_and_hold_less(tiny: Callable[..., Any]) -> None:
    model = tiny("gpt", dropout=0.2, n_layer=4).train()
    idx = torch.arange(8)[None] % 11
    gradients, held = [], []
    for model.gradient_checkpointing in (False, True):
        stored: list[int] = []

        def pack(t: torch.Tensor, stored: list[int] = stored) -> torch.Tensor:
            stored.append(t.nbytes)
            return t

        torch.manual_seed(1)  # dropout's: a block that is computed again must drop the same
        model.zero_grad()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
            loss = model(idx).square().sum()
        held.append(sum(stored))
        loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert (gradients[0] - gradients[1]).abs().max() <= 1e-6 * gradients[0].abs().max()
    assert held[1] < held[0] / 3


def test_a_checkpointed_run_is_the_same_run(config: Callable[..., TrainConfig]) -> None:
    train(config(name="plain", dropout=0.1))
    train(config(name="again", dropout=0.1, gradient_checkpointing=True))
    plain, again = (rows(config(name=name).folder) for name in ("plain", "again"))
    assert [row.get("loss") for row in plain] == pytest.approx([row.get("loss") for row in again], abs=1e-6)


def test_every_micro_batch_has_its_own_dropout(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trainer.F.cross_entropy
    seeds: list[int] = []

    def noting(logits: Any, target: Any, **kwargs: Any) -> Any:
        if logits.requires_grad:
            seeds.append(torch.initial_seed())
        return real(logits, target, **kwargs)

    monkeypatch.setattr(trainer.F, "cross_entropy", noting)
    train(config(name="run", dropout=0.2, gradient_accumulation_steps=2))
    assert len(seeds) == 16
    assert len(set(seeds)) == 16


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


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_whole_settings(preset: str, config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    assert resolve("gpt", preset, {}).model == "gpt"
    assert resolve("gpt", preset, {"n_layer": 3}).n_layer == 3  # what is given beside it wins


def test_a_run_may_be_limited_in_time(config: Callable[..., TrainConfig]) -> None:
    row = train(config(name="run", max_iters=1_000_000, max_seconds=0.2, eval_interval=1_000_000))
    assert 0.2 <= row["seconds"] < 2
    assert 0 < row["step"] < 1_000_000


@pytest.mark.parametrize("kind", MODELS)
def test_a_run_goes_on_from_another_checkpoint(kind: str, config: Callable[..., TrainConfig], at_step: Any) -> None:
    """A step at a rate of zero shows where it began; cut and resumed, it is one."""
    train(config(kind, name="first"))
    first = config(name="first").folder
    still = {"init_from": str(first), "max_iters": 1, "learning_rate": 0.0, "matrix_lr": 0.0}
    train(config(kind, name="still", **still, seed=2))
    one, other = ((folder / "model.safetensors").read_bytes() for folder in (first, config(name="still").folder))
    assert one == other

    train(config(kind, name="run", init_from=str(first)))
    whole = result(config(name="run").folder)
    at_step(4, stop())
    train(config(kind, name="run", init_from=str(first), overwrite=True))
    at_step(-1, stop())
    train(config(kind, name="run", init_from=str(first), resume=True))
    assert result(config(name="run").folder) == whole


def test_only_the_same_model_lends_its_weights(config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    """What is dropped while training is no weight, and may differ."""
    train(config(name="first"))
    first = str(config(name="first").folder)
    for how, message in (
        ({"n_embd": 32}, "init_from: first has n_embd 16, this run 32."),
        ({"position": "learned"}, "init_from: first has position rope, this run learned."),
        ({"model": "bigram"}, "init_from: first has model gpt, this run bigram."),
        ({"init_from": str(tmp_path / "nobody")}, "nobody"),
    ):
        with pytest.raises((ValueError, checkpoint.CheckpointError), match=re.escape(message)):
            train(config(**{"name": "run", "init_from": first, **how}))
    assert not config(name="run").folder.exists()
    train(config(name="run", init_from=first, dropout=0.1))


@pytest.mark.parametrize("by", ["init_from", "tokenizer"])
def test_another_text_is_spelt_as_a_checkpoint_does(
    config: Callable[..., TrainConfig], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    train(config(name="first"))
    first = config(name="first").folder
    mine = tmp_path / "mine.txt"
    mine.write_text(text[: len(text) // 2].replace("e", "") + "\u2603" * 3)
    train(config(name="mine", data=str(mine), **{by: str(first)}))
    one, other = ((folder / "tokenizer.json").read_bytes() for folder in (first, config(name="mine").folder))
    assert one == other
    assert "note: 3 characters outside the model's vocabulary left out: U+2603." in capsys.readouterr().out


def test_a_vocabulary_comes_from_one_place(config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    nobody = str(tmp_path / "nobody")
    with pytest.raises(checkpoint.CheckpointError, match="nobody"):
        train(config(name="run", tokenizer=nobody))
    with pytest.raises(ValueError, match="tokenizer: a run with init_from spells as that checkpoint does"):
        config(name="run", tokenizer=nobody, init_from=nobody)
    assert not config(name="run").folder.exists()


def test_snapshots_show_the_way(config: Callable[..., TrainConfig], at_step: Any) -> None:
    assert trainer.snapshot_steps(12, 1500) == [0, 1, 2, 4, 9, 19, 39, 80, 167, 347, 722, 1500]
    for count in (2, 3, 12):
        assert trainer.snapshot_steps(count, 8)[-1] == 8
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


def test_eval_only_judges_the_newest_state_and_writes_nothing(
    config: Callable[..., TrainConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TrainError, match="holds no saved state"):
        train(config(name="run", eval_only=True))
    assert not config(name="run").folder.exists()
    for full_eval in (False, True):
        train(config(name="run", overwrite=True, ema_decay=0.5, full_eval=full_eval))
        before = {path: path.read_bytes() for path in config(name="run").folder.rglob("*") if path.is_file()}
        row = train(config(name="run", eval_only=True, ema_decay=0.5, full_eval=full_eval))
        assert {path: path.read_bytes() for path in config(name="run").folder.rglob("*") if path.is_file()} == before
        assert row["step"] == 8
        assert "nothing was written" in capsys.readouterr().out


def test_full_eval_is_the_whole_validation_text(config: Callable[..., TrainConfig], text_file: Path) -> None:
    train(config(name="run", full_eval=True))
    state = train(config(name="run", full_eval=True, eval_only=True))
    model = trainer.build_model(config().model_config(len(set(text_file.read_text()))))
    trainer._restore(config(name="run").folder, model)
    val = trainer.load_corpus(str(text_file)).val
    assert state["val"] == trainer.score.windows_loss(model, val, 16, [0])


def test_samples_may_come_at_their_own_distance(
    config: Callable[..., TrainConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(**given: Any) -> int:
        train(config(name="run", overwrite=True, **given))
        return sum(line.startswith(("  '", '  "')) for line in capsys.readouterr().out.splitlines())

    assert shown(eval_interval=3) == 3  # before the first step, after 3 and 6
    assert shown(eval_interval=3, sample_interval=2) == 4
    assert shown(eval_interval=100, sample_interval=100) == 1


def test_deterministic_is_asked_of_torch(config: Callable[..., TrainConfig]) -> None:
    try:
        train(config(name="run", deterministic=True, dropout=0.1))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    train(config(name="run", overwrite=True))
    assert not torch.are_deterministic_algorithms_enabled()


# --- what is written ---------------------------------------------------------------------------------------


def test_the_card_says_how_it_was_made_and_what_it_reached(config: Callable[..., TrainConfig]) -> None:
    row = train(config(name="run"), "python train.py --model gpt --name run")
    card = (config(name="run").folder / "README.md").read_text()
    assert "`python train.py --model gpt --name run`" in card
    assert f"**{row['full_val_16']:.4f}** nats per character" in card
    assert f"| parameters | {row['parameters']:,} |" in card
    assert "stopped" not in card


def test_the_card_of_a_stopped_run_says_so(config: Callable[..., TrainConfig], at_step: Any) -> None:
    at_step(3, stop())
    train(config(name="run"))
    assert "| steps | 4 (stopped; the schedule has 8) |" in (config(name="run").folder / "README.md").read_text()


def test_the_published_loss_is_that_of_the_saved_file(config: Callable[..., TrainConfig], text_file: Path) -> None:
    row = train(config(name="run", ema_decay=0.5))
    model, tokenizer = checkpoint.read_model(config(name="run").folder)
    text = text_file.read_text()
    val = torch.tensor(tokenizer.encode(text[int(len(text) * 0.9) :]))
    assert trainer.score.windows_loss(model, val, 16, [0]) == row["full_val_16"]


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


# --- the command line --------------------------------------------------------------------------------------


def test_an_unknown_flag_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        train_py.main(["--n_lauer", "3"])
    assert exit.value.code == 2
    assert "--n_lauer" in capsys.readouterr().err


def test_help_lists_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        train_py.main(["--help"])
    assert exit.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"--{name}" in shown for name in TrainConfig.__dataclass_fields__)


def test_flags_are_spelt_either_way() -> None:
    for flags in (["--max_iters", "7", "--no-qk_norm"], ["--max-iters", "7", "--no-qk-norm"]):
        (config,) = train_py.parse(["--model", "gpt", *flags])
        assert config.max_iters == 7
        assert config.qk_norm is False


def test_without_flags_a_bigram_and_a_gpt_are_trained() -> None:
    assert [c.model for c in train_py.parse([])] == ["bigram", "gpt"]
    assert [c.model for c in train_py.parse(["--model", "all"])] == list(MODELS)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_iters", 0), ("max_iters", 2.5), ("batch_size", True), ("learning_rate", float("nan")), ("dropout", 1),
        ("n_head", 3), ("optimizer", "sgd"), ("seed", -1), ("keep_last", 1), ("bias", "yes"), ("name", "../up"),
    ],
)  # fmt: skip
def test_settings_are_checked_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        TrainConfig(**{field: value})


def test_a_command_trains_a_model_that_loads(text_file: Path, tmp_path: Path) -> None:
    flags = ["--data", str(text_file), "--out-dir", str(tmp_path / "out"), "--max_iters", "3", "--eval_iters", "1"]
    assert train_py.main(["--model", "bigram", "--model", "trigram", "--num_threads", "1", *flags]) == 0
    for name in ("my-bigram", "my-trigram"):
        checkpoint.read_model(tmp_path / "out" / name)
        assert "python train.py --model bigram" in (tmp_path / "out" / name / "README.md").read_text()
