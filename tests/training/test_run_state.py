"""The state of a run: what is saved is all that a step depends on, and the arithmetic of a step is right."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import result, rows, stop
from torch.nn import functional as F

from nanogpt.models import MODELS
from nanogpt.storage import states
from nanogpt.training import run_state
from nanogpt.training.config import TrainConfig
from nanogpt.training.errors import TrainError
from nanogpt.training.trainer import train
from nanogpt.training.windows import Windows


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.no_cover  # long, and its lines are covered by others
def test_resumed_is_never_stopped(
    kind: str, config: Callable[..., TrainConfig], at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bit for bit, cut in the first step, beside or on evaluations and saves, or in the last; a GPT in any step."""
    more: dict[str, Any] = {"dropout": 0.2, "max_iters": 10, **({"ema_decay": 0.9} if kind == "gpt" else {})}
    train(config(kind, name="run", **more))
    folder = config(kind, name="run").folder
    whole = result(folder)
    for cut in range(10) if kind == "gpt" else (0, 2, 3, 9):
        at_step(cut, stop(signal.SIGINT if cut % 2 else signal.SIGTERM))
        row = train(config(kind, name="run", overwrite=True, **more))
        assert row["step"] == cut + 1
        at_step(-1, stop())
        train(config(kind, name="run", resume=True, **more))
        assert result(folder) == whole, f"cut in step {cut}"
    assert f"to continue from step 3, repeat the command with --model {kind} --resume" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["model", "optimizer.0", "optimizer.1", "average", "windows", "dropout"])
@pytest.mark.no_cover  # long, and its lines are covered by others
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
    real = states.latest_state

    def without(folder: Path) -> Any:
        tensors, info = real(folder)  # type: ignore[misc]
        return {name: t * 0 if name.startswith(part) else t for name, t in tensors.items()}, info

    with monkeypatch.context() as patch:
        if part == "windows":
            patch.setattr(Windows, "batch", lambda w, number, size, batch=Windows.batch: batch(w, 0, size))
        elif part == "dropout":
            patch.setattr(run_state, "mix_seed", lambda *numbers: 0)
        else:
            patch.setattr(states, "latest_state", without)
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
    found = states.latest_state(folder / "state")
    assert found is not None
    assert found[1]["scaler"]["scale"] >= 1
    at_step(4, stop())
    train(config(kind, name="run", dtype="float16", overwrite=True))
    at_step(-1, stop())
    train(config(kind, name="run", dtype="float16", resume=True))
    assert result(folder) == whole
    with pytest.raises(TrainError, match="this command gives model"):
        train(config("self_attention", name="run", dtype="float16", resume=True))


def test_float16_skips_a_step_that_overflows(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scale far beyond float16's range is halved, without an update, until the gradients fit."""
    real = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *args, **kwargs: real(*args, init_scale=2.0**22, **kwargs))
    train(config(name="run", dtype="float16"))
    found = states.latest_state(config(name="run").folder / "state")
    assert found is not None
    assert found[1]["scaler"]["scale"] < 2.0**22
    assert all(t.isfinite().all() for t in found[0].values())
    logged = [row for row in rows(config(name="run").folder) if "loss" in row]
    assert all(torch.isfinite(torch.tensor([row["loss"] for row in logged])))
    assert logged[0]["norm"] is None  # JSON knows no infinity


def test_states_of_another_model_are_refused(config: Callable[..., TrainConfig]) -> None:
    train(config("bigram", name="run"))
    with pytest.raises(TrainError, match="this command gives model"):
        train(config("gpt", name="run", resume=True))


def test_a_loss_that_is_not_finite_stops_before_the_update(config: Callable[..., TrainConfig]) -> None:
    """At a rate of 1e20 the first update destroys the weights; the next step must say so and save nothing."""
    with pytest.raises(TrainError, match=r"Step 1: the loss is .* rate of 1e\+20\. .* state of step 0 .* is intact"):
        train(config(name="run", learning_rate=1e20, matrix_lr=1e20, warmup_iters=0))
    assert not (config(name="run").folder / "model.safetensors").exists()


def test_a_loss_that_is_not_finite_leaves_the_last_state(
    config: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = F.cross_entropy
    calls: list[int] = []

    def turning_bad(logits: Any, target: Any, **kwargs: Any) -> Any:
        if logits.requires_grad:
            calls.append(1)
        loss = real(logits, target, **kwargs)
        return loss * float("nan") if len(calls) == 6 else loss

    monkeypatch.setattr(F, "cross_entropy", turning_bad)
    with pytest.raises(TrainError, match="Step 5: the loss is nan.* The state of step 4 in .* is intact"):
        train(config(name="run"))
    monkeypatch.undo()
    found = states.latest_state(config(name="run").folder / "state")
    assert found is not None
    assert all(t.isfinite().all() for t in found[0].values())


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
    real = F.cross_entropy
    seeds: list[int] = []

    def noting(logits: Any, target: Any, **kwargs: Any) -> Any:
        if logits.requires_grad:
            seeds.append(torch.initial_seed())
        return real(logits, target, **kwargs)

    monkeypatch.setattr(F, "cross_entropy", noting)
    train(config(name="run", dropout=0.2, gradient_accumulation_steps=2))
    assert len(seeds) == 16
    assert len(set(seeds)) == 16
