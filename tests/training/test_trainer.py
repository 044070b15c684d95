"""The preparation of a run: first weights, vocabulary, settings of torch, and several models in turn."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from short_runs import result, stop

from nanogpt.models import MODELS
from nanogpt.storage import checkpoint
from nanogpt.training.config import TrainConfig
from nanogpt.training.distributed import Group
from nanogpt.training.trainer import train, train_in_turn


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.no_cover  # long, and its lines are covered by others
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
    with pytest.raises(ValueError, match="tokenizer: a run with init_from uses the vocabulary of that checkpoint"):
        TrainConfig(name="run", tokenizer=nobody, init_from=nobody)
    assert not config(name="run").folder.exists()


def test_deterministic_is_asked_of_torch(config: Callable[..., TrainConfig]) -> None:
    try:
        train(config(name="run", deterministic=True, dropout=0.1))
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    train(config(name="run", overwrite=True))
    assert not torch.are_deterministic_algorithms_enabled()


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
