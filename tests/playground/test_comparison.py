"""Sides that write in lock step with the same luck."""

import asyncio
from dataclasses import replace

import pytest
import torch
from test_run import run_of
from written import ENGINE, written

from nanogpt.analysis.draws import read_logits
from nanogpt.generation.continuation import generate
from nanogpt.generation.scheduler import Scheduler
from nanogpt.playground import comparison
from nanogpt.playground.comparison import Comparer, Side, judges_of
from nanogpt.storage.zoo import Zoo


def test_each_side_writes_what_its_model_writes_alone(zoo: Zoo) -> None:
    run = run_of()
    sides = written(zoo, run)
    for side, name in zip(sides, run.names, strict=True):
        assert side.loaded is zoo.get(name)
        assert side.text == generate(zoo.get(name), run.prompt, **vars(run.params))


def test_the_same_model_on_all_sides_writes_one_text(zoo: Zoo) -> None:
    sides = written(zoo, run_of(model_1="gpt", model_3="gpt"))
    assert len({side.text for side in sides}) == 1
    assert judges_of(sides) == [zoo.get("gpt")]


@pytest.mark.no_cover  # long, and its lines are covered by others
@pytest.mark.parametrize(("model", "seeds"), [("self_attention", range(1, 5)), ("gpt", range(18, 20))])
def test_the_same_model_twice_writes_one_text_with_every_seed(model: str, seeds: range, zoo: Zoo) -> None:
    runs = [run_of(count=2, model_1=model, model_2=model, length=300, seed=seed) for seed in seeds]
    pairs = [[side.text for side in written(zoo, run)] for run in runs]
    assert all(one == two and len(one) == 300 for one, two in pairs)
    assert len({one for one, _ in pairs}) == len(seeds)


def test_a_beam_search_has_the_text_of_the_command(zoo: Zoo) -> None:
    run = run_of(method="beam", width=2, count=2, model_2="trigram", length=12)
    sides = written(zoo, run)
    for side in sides:
        assert side.text == generate(side.loaded, run.prompt, beam=2, max_new_tokens=12)
        own = side.bits_by(side.loaded)
        assert own is not None
        assert len(own) == 12


def test_sides_grow_together_and_the_last_frame_is_complete(zoo: Zoo) -> None:
    run = run_of(length=400)
    lengths = []

    async def look() -> None:
        async for sides in Comparer(zoo, ENGINE).frames(run, 0.005):
            (length,) = {len(side.ids) for side in sides}
            assert all(len(side.bits) == length for side in sides)
            lengths.append(length)

    asyncio.run(look())
    assert lengths[0] >= 1
    assert lengths == sorted(lengths)
    assert lengths[-1] == 400
    assert len(lengths) > 5


def test_a_run_that_is_asked_for_again_is_complete_at_once(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    comparer, run = Comparer(zoo, ENGINE), run_of()
    first = comparer.written(run)
    assert comparer.written(replace(run, colour=1)) is first  # how it is shown is no part of it
    others = [replace(run, prompt="JULIET:\n"), replace(run, params=replace(run.params, seed=9)), run_of(model_2="mlp")]
    assert all(comparer.written(other)[1].text != first[1].text for other in others)
    assert comparer.written(run) is first
    monkeypatch.setattr(comparison, "REMEMBERED", 7 * sum(side.nbytes for side in first))
    comparer.written(replace(run, prompt="O"))
    assert comparer.written(run) is first  # the one that was asked for last stays
    assert len(comparer._kept) == 2


def test_a_model_that_was_replaced_writes_anew(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    comparer, run = Comparer(zoo, ENGINE), run_of(count=2, model_2="gpt")
    before = comparer.written(run)
    models = {name: zoo.get(name) for name in run.names} | {"gpt": replace(zoo.get("gpt"), model=zoo.get("mlp").model)}
    monkeypatch.setattr(zoo, "get", models.__getitem__)
    assert comparer.written(run)[1].text not in ("", before[1].text)


def test_a_text_judged_by_its_own_model_has_the_bits_it_was_written_with(zoo: Zoo) -> None:
    sides = written(zoo, run_of(model_2="gpt"))
    side = sides[1]
    again = Side(side.loaded, side.prompt, side.ids)  # its bits are counted from the text
    assert again.bits_by(side.loaded) == pytest.approx(side.bits, rel=1e-4, abs=1e-4)
    assert sum(side.bits) > 0


def test_a_model_reads_a_text_once(zoo: Zoo) -> None:
    """Bits and cards need the same logits; those of the own model were computed when it wrote."""
    sides = written(zoo, run_of(model_2="gpt"))
    bigram, gpt = (side.loaded for side in sides[:2])
    assert sides[0].logits_by(gpt) is sides[0].logits_by(gpt)
    assert sides[1].read[0][0] is gpt
    assert sides[1].logits_by(gpt) is sides[1].read[0][1]
    assert torch.allclose(sides[1].logits_by(gpt), read_logits(gpt, "ROMEO:\n", sides[1].text), atol=1e-3)
    assert sides[1].logits_by(bigram).shape == (40, 65)


def test_a_judge_that_cannot_spell_the_text_has_no_verdict(zoo: Zoo, tiny_zoo: Zoo) -> None:
    sides = written(zoo, run_of())
    assert sides[1].bits_by(tiny_zoo.get("bigram")) is None


def test_a_run_that_is_stopped_keeps_what_was_written(zoo: Zoo) -> None:
    frames: list[Side] = []

    async def look() -> None:
        async for sides in Comparer(zoo, Scheduler(time_limit=0.3)).frames(run_of(length=2000), 0.01):
            frames[:] = sides

    with pytest.raises(TimeoutError, match=r"Stopped after 0\.3 seconds"):
        asyncio.run(look())
    assert 0 < len(frames[0].text) < 2000


@pytest.mark.parametrize("name", ["../..", None, [], "x"])
def test_an_unknown_model_is_refused_before_anything_is_written(name: object, zoo: Zoo) -> None:
    with pytest.raises(ValueError, match="Unknown model"):
        written(zoo, run_of(model_2=name))
