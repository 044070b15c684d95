"""Runs of a second or less, what happens in the middle of them, and what they leave."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nanogpt.storage import states
from nanogpt.training import run_state

SCHEDULE = run_state.schedule
SMALL = {
    "n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 16, "batch_size": 4, "max_iters": 8, "eval_interval": 3,
    "eval_iters": 1, "log_interval": 1, "save_interval": 2, "warmup_iters": 2, "device": "cpu", "dtype": "float32",
    "num_threads": 1,
}  # fmt: skip


def rows(folder: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, but for the time they took."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def result(folder: Path) -> dict[str, Any]:
    """Everything that a run leaves, but for the time it took."""
    found = states.latest_state(folder / "state")
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


def at_step(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> None:
    """Do something in the middle of that step, where its learning rate is asked for, and no longer in another."""

    def schedule(step: int, *args: Any, **kwargs: Any) -> float:
        if step == number:
            act()
        return SCHEDULE(step, *args, **kwargs)

    monkeypatch.setattr(run_state, "schedule", schedule)
