"""Sides that write in lock step with the same luck."""

import math

import pytest
import torch
from test_run import run_of

from nanogpt.analysis.draws import read_logits
from nanogpt.generation.continuation import generate
from nanogpt.playground import comparison
from nanogpt.playground.comparison import judges_of, write_together
from nanogpt.storage.zoo import Zoo


def test_each_side_writes_what_its_model_writes_alone(zoo: Zoo) -> None:
    run = run_of()
    *_, sides = write_together(zoo, run)
    for side, name in zip(sides, run.names, strict=True):
        assert side.loaded is zoo.get(name)
        assert side.text == generate(zoo.get(name), run.prompt, **vars(run.params))


def test_the_same_model_on_all_sides_writes_one_text(zoo: Zoo) -> None:
    *_, sides = write_together(zoo, run_of(model_1="gpt", model_3="gpt"))
    assert len({side.text for side in sides}) == 1
    assert judges_of(sides) == [zoo.get("gpt")]


@pytest.mark.no_cover  # long, and its lines are covered by others
@pytest.mark.parametrize(("model", "seeds"), [("self_attention", range(1, 18)), ("gpt", range(18, 21))])
def test_the_same_model_twice_writes_one_text_with_every_seed(model: str, seeds: range, zoo: Zoo) -> None:
    runs = [run_of(count=2, model_1=model, model_2=model, length=500, seed=seed) for seed in seeds]
    pairs = [[side.text for side in list(write_together(zoo, run))[-1]] for run in runs]
    assert all(one == two and len(one) == 500 for one, two in pairs)
    assert len({one for one, _ in pairs}) == len(seeds)


def test_a_beam_search_has_the_text_of_the_command(zoo: Zoo) -> None:
    run = run_of(method="beam", width=2, count=2, model_2="trigram", length=12)
    *_, sides = write_together(zoo, run)
    for side in sides:
        assert side.text == generate(side.loaded, run.prompt, beam=2, max_new_tokens=12)
        own = side.bits_by(side.loaded)
        assert own is not None
        assert len(own) == 12


def test_frames_grow_and_the_last_one_is_complete(zoo: Zoo) -> None:
    lengths = [len(sides[0].ids) for sides in write_together(zoo, run_of(), frame=0)]
    assert lengths[0] == 1
    assert lengths == sorted(lengths)
    assert lengths[-1] == 40


def test_a_text_judged_by_its_own_model_has_the_bits_it_was_written_with(zoo: Zoo) -> None:
    *_, sides = write_together(zoo, run_of(model_2="gpt"))
    side = sides[1]
    written = list(side.bits)
    side.bits, side.rows = [], []  # so that they are counted again from the text
    counted = side.bits_by(side.loaded)
    assert counted == pytest.approx(written, rel=1e-4, abs=1e-4)
    assert sum(written) > 0


def test_a_model_reads_a_text_once(zoo: Zoo) -> None:
    """Bits and cards need the same logits; those of the own model were computed when it wrote."""
    *_, sides = write_together(zoo, run_of(model_2="gpt"))
    bigram, gpt = (side.loaded for side in sides[:2])
    assert sides[0].logits_by(gpt) is sides[0].logits_by(gpt)
    assert torch.equal(sides[1].logits_by(gpt), torch.stack(sides[1].rows))
    assert torch.allclose(sides[1].logits_by(gpt), read_logits(gpt, "ROMEO:\n", sides[1].text), atol=1e-3)
    assert sides[1].logits_by(bigram).shape == (40, 65)


def test_a_judge_that_cannot_spell_the_text_has_no_verdict(zoo: Zoo, tiny_zoo: Zoo) -> None:
    *_, sides = write_together(zoo, run_of())
    assert sides[1].bits_by(tiny_zoo.get("bigram")) is None


def test_a_run_has_a_wall_clock(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "TIME_LIMIT", 0)
    frames = write_together(zoo, run_of(), frame=math.inf)
    assert len(next(frames)[0].ids) == 1
    with pytest.raises(TimeoutError, match="Stopped after 0 seconds"):
        next(frames)


@pytest.mark.parametrize("name", ["../..", None, [], "x"])
def test_an_unknown_model_is_refused_before_anything_is_written(name: object, zoo: Zoo) -> None:
    with pytest.raises(ValueError, match="Unknown model"):
        next(write_together(zoo, run_of(model_2=name)))
