"""What is too large is refused before the first step, with its numbers."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nanogpt.models import build_model
from nanogpt.training import memory
from nanogpt.training.config import TrainConfig
from nanogpt.training.trainer import train

Config = Callable[..., TrainConfig]
CPU = torch.device("cpu")


def test_a_model_that_could_not_be_loaded_again_is_not_trained(config: Config) -> None:
    """Once, it was trained, and refused at the very end by the limit of its own loader."""
    huge = config(name="run", n_layer=48, n_embd=4096, n_head=64)
    with pytest.raises(ValueError, match=r"The model has 9,\d{3},\d{3},\d{3} parameters; its file could not be loaded"):
        train(huge)
    assert not huge.folder.exists()


def test_a_batch_that_does_not_fit_is_refused(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = config(name="run", batch_size=65_536, block_size=256)
    with pytest.raises(ValueError, match=r"Training needs about \d+\.\d GiB of memory; \d+\.\d GiB are free\."):
        train(wide)
    assert not wide.folder.exists()
    monkeypatch.setattr(memory, "MEMORY", Path("/nowhere"))  # another system than Linux: nothing is known
    assert memory.free_bytes(CPU) is None


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit, used = tmp_path / "max", tmp_path / "current"
    monkeypatch.setattr(memory, "LIMITS", (limit, used))
    whole = memory.free_bytes(CPU)
    assert whole is not None
    used.write_text("1000\n")
    limit.write_text("max\n")
    assert memory.free_bytes(CPU) == pytest.approx(whole, rel=0.2)
    limit.write_text("5000\n")
    assert memory.free_bytes(CPU) == 4000


def test_checkpointing_and_small_batches_need_less(config: Config) -> None:
    def needed(**given: object) -> int:
        run = config(n_layer=12, block_size=256, **given)
        with torch.device("meta"):
            return memory.needed_bytes(run, build_model(run.model_config(65)))

    assert needed(batch_size=64, gradient_checkpointing=True) < needed(batch_size=64) / 3
    assert needed(batch_size=8) < needed(batch_size=64) / 7


def test_what_is_needed_is_printed(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    train(config("bigram", name="run"))
    assert "run: about 0.0 GiB of memory of " in capsys.readouterr().out
