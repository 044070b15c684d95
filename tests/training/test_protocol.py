"""The losses of a finished checkpoint, as `score --protocol` prints them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nanogpt.storage.zoo import load
from nanogpt.text.corpus import load_corpus
from nanogpt.training.config import TrainConfig
from nanogpt.training.protocol import judged
from nanogpt.training.trainer import train


def test_the_losses_are_those_of_the_run(config: Callable[..., TrainConfig], text_file: Path) -> None:
    row = train(config(name="run"))
    loaded, corpus = load(config(name="run").folder), load_corpus(text_file)
    found = judged(loaded, corpus)
    assert found["full_val_16"] == pytest.approx(row["full_val_16"], abs=1e-4)
    assert found["full_val_256"] is None  # it cannot read so far
    assert found["parameters"] == row["parameters"]
    assert (found["steps"], found["trained_on"]) == (8, row["machine"])


def test_quick_reads_one_offset(config: Callable[..., TrainConfig], text_file: Path) -> None:
    train(config("bigram", name="run"))
    loaded, corpus = load(config(name="run").folder), load_corpus(text_file)
    whole, quick = (judged(loaded, corpus, quick=quick)["full_val_256"] for quick in (False, True))
    assert 0 < abs(whole - quick) < 0.1


def test_a_checkpoint_without_a_log_says_nothing_of_its_training(config: Callable[..., TrainConfig]) -> None:
    train(config("bigram", name="run"))
    (config(name="run").folder / "metrics.jsonl").unlink()
    found = judged(load(config(name="run").folder), load_corpus(config().data))
    assert "steps" not in found
