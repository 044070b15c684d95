"""Soft targets: the teachers' own probabilities, at every place, averaged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanogpt import checkpoint, trainer
from nanogpt.data import load_corpus
from nanogpt.distill import expectations, load_teachers, soft_targets
from nanogpt.recipe import TrainConfig, resolve
from nanogpt.tokenizer import CharTokenizer
from nanogpt.trainer import train

TINY = {
    "n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 16, "batch_size": 4, "max_iters": 6, "eval_iters": 1,
    "log_interval": 1, "num_threads": 1, "device": "cpu", "dtype": "float32",
}  # fmt: skip


@pytest.fixture
def places() -> Tensor:
    return torch.randint(11, (100,), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def run(text_file: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    def make(name: str, **given: Any) -> TrainConfig:
        return resolve("gpt", None, {**TINY, "data": str(text_file), "out_dir": str(tmp_path), "name": name, **given})

    return make


@pytest.fixture
def teacher(run: Callable[..., TrainConfig], text_file: Path) -> Path:
    """The folder of a teacher with opinions of its own."""
    with torch.random.fork_rng():
        train(run("teacher", max_iters=30))
    return run("teacher").folder


@torch.no_grad()
def test_each_place_is_judged_by_what_stands_before_it(model: nn.Module, places: Tensor) -> None:
    """By its window so far, and never by itself or by what follows."""
    got = expectations(model, places, batch_size=3)
    sight = min(model.config.block_size, 8)  # type: ignore[union-attr]
    assert (got[1:].sum(-1) - 1).abs().max() <= 1e-6
    assert (got[0] == 0).all()
    for place in range(1, 100):
        # The windows of a teacher that counts positions overlap by a quarter, so it has seen 2 to 8 characters.
        lengths = [place] if place <= sight else range(sight // 4, sight + 1)
        each = torch.stack([model(places[None, place - n : place])[0, -1].softmax(-1) for n in lengths if n])
        assert (each - got[place]).abs().amax(-1).min() <= 1e-5


def test_half_the_truth_and_half_the_mean_of_the_teachers(tiny: Callable[..., nn.Module], places: Tensor) -> None:
    teachers = [tiny("gpt", seed=1), tiny("bigram")]
    got = soft_targets(teachers, places)
    assert (got.sum(-1) - 1).abs().max() <= 1e-6
    assert torch.equal(got[0], F.one_hot(places[0], 11).float())
    mean = (expectations(teachers[0], places) + expectations(teachers[1], places)) / 2
    assert torch.allclose(2 * got[1:] - F.one_hot(places[1:], 11), mean[1:], atol=1e-6)


def test_a_student_follows_its_teacher(
    run: Callable[..., TrainConfig], teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batches are the plain run's, its targets the soft ones of the very places, its loss against those."""
    seen: list[tuple[Tensor, Tensor]] = []
    real = trainer.Windows.batch

    def noting(*args: Any) -> tuple[Tensor, Tensor]:
        seen.append(real(*args))
        return seen[-1]

    monkeypatch.setattr(trainer.Windows, "batch", noting)
    with torch.random.fork_rng():
        plain = train(run("plain"))
        student = train(run("student", distill_from=(str(teacher),)))
    assert plain["full_val_16"] != student["full_val_16"]
    corpus = load_corpus(run("plain").data)
    ids = corpus.train
    soft = soft_targets(load_teachers([str(teacher)], corpus.tokenizer, torch.device("cpu")), ids)
    for (x, y), (same, targets) in zip(seen[:6], seen[6:], strict=True):
        assert torch.equal(x, same)
        for row, after, wanted in zip(x, y, targets, strict=True):
            windows = ids.unfold(0, 17, 1)
            found = (windows == torch.cat((row, after[-1:]))).all(-1).nonzero()[:, 0]
            assert any(torch.equal(soft[place + 1 : place + 17], wanted) for place in found)


def test_a_student_resumes_bit_for_bit(run: Callable[..., TrainConfig], teacher: Path) -> None:
    how = {"distill_from": (str(teacher),), "save_interval": 2}
    with torch.random.fork_rng():
        train(run("whole", **how))
        trainer.train(run("cut", **how, max_seconds=1e-9))
        train(run("cut", **how, resume=True))
    one, other = (checkpoint.latest_state(run(name).folder / "state") for name in ("whole", "cut"))
    assert one is not None
    assert other is not None
    assert all(torch.equal(t, other[0][name]) for name, t in one[0].items())


def test_a_teacher_speaks_the_same_alphabet(
    run: Callable[..., TrainConfig], tiny: Callable[..., nn.Module], tmp_path: Path
) -> None:
    checkpoint.save(tmp_path / "stranger", tiny("gpt"), CharTokenizer.from_text("0123456789\n"))
    with pytest.raises(ValueError, match="distill_from: stranger has another vocabulary than the text"):
        train(run("student", distill_from=(str(tmp_path / "stranger"),)))
    with pytest.raises(checkpoint.CheckpointError, match="nobody"):
        train(run("student", distill_from=(str(tmp_path / "nobody"),)))
    assert not run("student").folder.exists()
