"""Fixtures of the training tests."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import SMALL, at_step

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


@pytest.fixture(name="at_step")
def at_a_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """at_step(n, act): do something in the middle of step n."""
    return partial(at_step, monkeypatch)
