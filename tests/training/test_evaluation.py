"""The losses of a run: of the right text, and only if the text is long enough."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nanogpt.analysis import score
from nanogpt.models import build_model
from nanogpt.storage import checkpoint
from nanogpt.text.corpus import DataError, load_corpus
from nanogpt.training.config import TrainConfig
from nanogpt.training.distributed import Group
from nanogpt.training.errors import TrainError
from nanogpt.training.run_directory import RunDirectory
from nanogpt.training.run_state import RunState
from nanogpt.training.trainer import train


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
    assert train(config(name="run", eval_only=True), group=Group(rank=1, size=2)) == {}  # only the leader prints
    assert not capsys.readouterr().out


def test_full_eval_is_the_whole_validation_text(config: Callable[..., TrainConfig], text_file: Path) -> None:
    train(config(name="run", full_eval=True))
    state = train(config(name="run", full_eval=True, eval_only=True))
    run = config(name="run")
    model = build_model(run.model_config(len(set(text_file.read_text()))))
    RunState(run, model, torch.float32).restore(RunDirectory(run.folder))
    val = load_corpus(str(text_file)).val
    assert state["val"] == score.windows_loss(model, val, 16, [0])


def test_a_short_text_is_read_whole_at_every_offset(config: Callable[..., TrainConfig], text_file: Path) -> None:
    """Random windows would read its characters many times, and judge two steps by different ones."""
    train(config("bigram", name="run", eval_iters=1))  # 32 windows of 256 characters; the text has 703
    model, _ = checkpoint.read_model(config(name="run").folder)
    val = load_corpus(str(text_file)).val
    judged = train(config("bigram", name="run", eval_only=True))["val"]
    assert judged == pytest.approx(score.windows_loss(model, val, 256, score.PROTOCOL_OFFSETS), abs=1e-3)


def test_eval_only_judges_a_checkpoint_without_states(config: Callable[..., TrainConfig], text_file: Path) -> None:
    """A checkpoint of the repository has none: once, --eval_only did not work on it."""
    row = train(config(name="run"))
    shutil.rmtree(config(name="run").folder / "state")
    before = sorted(path.name for path in config(name="run").folder.iterdir())
    losses = train(config(name="run", eval_only=True))
    assert losses["val"] == pytest.approx(row["full_val_16"], abs=0.05)
    assert sorted(path.name for path in config(name="run").folder.iterdir()) == before
