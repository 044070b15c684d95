"""Soft targets: the teachers' own probabilities, at every place, averaged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanogpt.analysis import score
from nanogpt.storage import checkpoint, states
from nanogpt.text.corpus import load_corpus
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training import distill, trainer
from nanogpt.training.config import TrainConfig
from nanogpt.training.distill import PIECE_LENGTH, PROMPT_LENGTH, generate_pieces, lesson, load_teachers, predictions
from nanogpt.training.distributed import Group
from nanogpt.training.errors import TrainError
from nanogpt.training.presets import resolve
from nanogpt.training.trainer import train
from nanogpt.training.windows import Windows

TINY = {
    "n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 16, "batch_size": 4, "max_iters": 6, "eval_iters": 1,
    "log_interval": 1, "num_threads": 1, "device": "cpu", "dtype": "float32",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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
    got = predictions(model, places, batch_size=3)
    sight = min(model.config.block_size, 8)  # type: ignore[union-attr]
    assert (got[1:].sum(-1) - 1).abs().max() <= 1e-6
    assert (got[0] == 0).all()
    for place in range(1, 100):
        # The windows of a teacher that counts positions overlap by a quarter, so it has seen 2 to 8 characters.
        lengths = [place] if place <= sight else range(sight // 4, sight + 1)
        each = torch.stack([model(places[None, place - n : place])[0, -1].softmax(-1) for n in lengths if n])
        assert (each - got[place]).abs().amax(-1).min() <= 1e-5


def kept(mean: Tensor) -> Tensor:
    """Probabilities as a lesson keeps them: in float16, and then again with a sum of 1."""
    rounded = mean.half().float()
    return rounded / rounded.sum(-1, keepdim=True)


def test_half_the_truth_and_half_the_mean_of_the_teachers(tiny: Callable[..., nn.Module], places: Tensor) -> None:
    teachers = [tiny("gpt", seed=1), tiny("bigram")]
    read, got = lesson(teachers, places)
    assert torch.equal(read, places)
    assert (got.sum(-1) - 1).abs().max() <= 1e-6
    assert torch.equal(got[0], F.one_hot(places[0], 11).float())
    mean = (predictions(teachers[0], places) + predictions(teachers[1], places)) / 2
    assert torch.allclose(2 * got[1:] - F.one_hot(places[1:], 11), kept(mean[1:]), atol=1e-6)


def test_of_what_teachers_write_each_row_is_their_mean(tiny: Callable[..., nn.Module], places: Tensor) -> None:
    teachers = [tiny("gpt", seed=1), tiny("bigram")]
    read, got = lesson(teachers, places, synthetic=2 * PIECE_LENGTH + 1)
    assert torch.equal(read[:100], places)
    assert (got.sum(-1) - 1).abs().max() <= 1e-6
    pieces = read[100:].view(-1, PIECE_LENGTH)
    assert len(pieces) == 4  # two of each teacher: the first number that is enough
    assert not torch.equal(pieces[:2], pieces[2:])
    passages = {tuple(passage) for passage in places.unfold(0, PROMPT_LENGTH, 1).tolist()}
    assert all(tuple(piece[:PROMPT_LENGTH].tolist()) in passages for piece in pieces)
    mean = (predictions(teachers[0], read) + predictions(teachers[1], read)) / 2
    assert torch.allclose(got[100:], kept(mean[100:]), atol=1e-6)
    assert torch.allclose(2 * got[1:100] - F.one_hot(places[1:], 11), kept(mean[1:100]), atol=1e-6)


@pytest.mark.no_cover  # long, and its lines are covered by others
def test_a_teacher_writes_what_it_would_draw(model: nn.Module, places: Tensor) -> None:
    """One that is sure of itself always takes the likeliest; the next seed begins elsewhere."""
    model.register_forward_hook(lambda _model, _given, logits: 1e5 * logits)
    one, other = (generate_pieces(model, places, 2, seed).view(2, PIECE_LENGTH) for seed in (1, 2))
    assert not torch.equal(one, other)
    for piece in one:
        likeliest = score.next_logits(model, piece.tolist()).argmax(-1)
        assert torch.equal(piece[PROMPT_LENGTH:], likeliest[PROMPT_LENGTH - 1 : -1])


def test_a_teacher_s_odds_are_those_of_its_text(tiny: Callable[..., nn.Module], places: Tensor) -> None:
    teacher = tiny("bigram")
    pieces = generate_pieces(teacher, places, 40, seed=0).view(40, PIECE_LENGTH)[:, PROMPT_LENGTH - 1 :]
    counts = torch.zeros(11, 11).index_put_((pieces[:, :-1].flatten(), pieces[:, 1:].flatten()), torch.ones(()), True)
    with torch.no_grad():
        odds = teacher(torch.arange(11)[:, None])[:, 0].softmax(-1)
    seen = counts.sum(-1, keepdim=True)
    spread = (odds * (1 - odds) / seen).sqrt()
    assert ((counts / seen - odds).abs() < 5 * spread).all()


def test_a_lesson_is_kept(
    tiny: Callable[..., nn.Module], places: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same teachers and text give it at once, others another; a damaged one is made again."""
    teachers = [tiny("bigram")]
    first = lesson(teachers, places, synthetic=10)
    real = predictions
    reads = []
    monkeypatch.setattr(distill, "predictions", lambda *a: reads.append(1) or real(*a))
    for same in (first, lesson(teachers, places, synthetic=10)):
        assert all(map(torch.equal, first, same))
    assert not reads
    lesson([tiny("bigram", seed=1)], places, synthetic=10)
    lesson(teachers, places.flip(0), synthetic=10)
    lesson(teachers, places)
    assert len(reads) == 3
    for file in (tmp_path / "cache").rglob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    assert all(map(torch.equal, first, lesson(teachers, places, synthetic=10)))
    assert len(reads) == 4


def test_a_lesson_that_cannot_be_kept_is_still_given(
    tiny: Callable[..., nn.Module], places: Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    for quiet in (True, False):
        assert not capsys.readouterr().out
        read, targets = lesson([tiny("bigram")], places, quiet=quiet)
        assert len(read) == len(targets) == 100
    assert "the distillation targets could not be kept in " in capsys.readouterr().out


def test_a_run_is_claimed_before_its_lesson_and_cleared_after_it(
    run: Callable[..., TrainConfig], teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lesson may take 40 minutes. A second trainer could start meanwhile, and Ctrl-C must not cost an old run."""
    student = run("student", distill_from=(str(teacher),), overwrite=True)
    with torch.random.fork_rng():
        train(student)
    before = {path: path.read_bytes() for path in student.folder.rglob("*") if path.is_file()}

    def interrupted(*args: Any, **kwargs: Any) -> None:
        with pytest.raises(TrainError, match="is being trained by process"):
            train(run("student", overwrite=True))
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "lesson", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(student)
    assert {path: path.read_bytes() for path in student.folder.rglob("*") if path.is_file()} == before


def test_the_leader_of_a_group_computes_the_lesson(
    run: Callable[..., TrainConfig], teacher: Path, text_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every process computed it: twice the work on one machine. Now the others find it in the cache."""
    computed: list[int] = []
    waits: list[int] = []
    monkeypatch.setattr(distill, "predictions", lambda *args: computed.append(1) or predictions(*args))
    monkeypatch.setattr(Group, "_wait", lambda self: waits.append(self.rank))
    config, corpus = run("student", distill_from=(str(teacher),)), load_corpus(str(text_file))
    teachers = load_teachers(config.distill_from, corpus.tokenizer, torch.device("cpu"))
    first, second = (trainer.distillation_windows(config, teachers, corpus, Group(rank, 2)) for rank in (0, 1))
    assert len(computed) == 1
    assert waits == [0, 0, 1, 1]
    assert torch.equal(first.targets, second.targets)


def test_teachers_in_bfloat16_expect_the_same_to_its_rounding(teacher: Path, text_file: Path) -> None:
    corpus = load_corpus(str(text_file))
    dtypes = (torch.float32, torch.bfloat16, torch.float16)
    loaded = [load_teachers([str(teacher)], corpus.tokenizer, torch.device("cpu"), dtype) for dtype in dtypes]
    assert [next(one.parameters()).dtype for (one,) in loaded] == [torch.float32, torch.bfloat16, torch.float32]
    exact, rounded = (lesson(some, corpus.train, synthetic=1)[1][: len(corpus.train)] for some in loaded[:2])
    assert not torch.equal(exact, rounded)  # each is kept under its own name
    assert (exact - rounded).abs().max() <= 0.01


def test_a_student_follows_its_teacher(
    run: Callable[..., TrainConfig], teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its batches are the plain run's, its targets the soft ones of the very places, its loss against those."""
    seen: list[tuple[Tensor, Tensor]] = []
    real = Windows.batch

    def noting(*args: Any) -> tuple[Tensor, Tensor]:
        seen.append(real(*args))
        return seen[-1]

    monkeypatch.setattr(Windows, "batch", noting)
    with torch.random.fork_rng():
        plain = train(run("plain"))
        student = train(run("student", distill_from=(str(teacher),)))
    assert plain["full_val_16"] != student["full_val_16"]
    corpus = load_corpus(run("plain").data)
    ids = corpus.train
    _, soft = lesson(load_teachers([str(teacher)], corpus.tokenizer, torch.device("cpu")), ids)
    for (x, y), (same, targets) in zip(seen[:6], seen[6:], strict=True):
        assert torch.equal(x, same)
        for row, after, wanted in zip(x, y, targets, strict=True):
            windows = ids.unfold(0, 17, 1)
            found = (windows == torch.cat((row, after[-1:]))).all(-1).nonzero()[:, 0]
            assert any(torch.equal(soft[place + 1 : place + 17], wanted) for place in found)


def test_a_student_resumes_bit_for_bit(run: Callable[..., TrainConfig], teacher: Path) -> None:
    how = {"distill_from": (str(teacher),), "synthetic_chars": 5000, "save_interval": 2}
    with torch.random.fork_rng():
        train(run("whole", **how))
        train(run("cut", **how, max_seconds=1e-9))
        train(run("cut", **how, resume=True))
    one, other = (states.latest_state(run(name).folder / "state") for name in ("whole", "cut"))
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


def test_only_teachers_write(run: Callable[..., TrainConfig]) -> None:
    with pytest.raises(ValueError, match="synthetic_chars are generated by teachers: 5,000 need distill_from"):
        run("student", synthetic_chars=5000)
