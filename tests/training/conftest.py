"""Fixtures of the training tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import SMALL

from nanogpt.training import run_state
from nanogpt.training.config import TrainConfig
from nanogpt.training.presets import resolve


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
    real = run_state.schedule

    def install(step: int, act: Callable[[], None]) -> None:
        def schedule(now: int, *args: Any, **kwargs: Any) -> float:
            if now == step:
                act()
            return real(now, *args, **kwargs)

        monkeypatch.setattr(run_state, "schedule", schedule)

    return install
