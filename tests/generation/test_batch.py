"""Runs that write together: each is the same text as alone, whoever comes and goes beside it."""

import random
from collections import defaultdict
from collections.abc import Callable

import pytest
import torch

from nanogpt.generation.batch import Batch, Writer
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.reader import PART
from nanogpt.generation.sampling import SamplingParams
from nanogpt.models.base import LanguageModel

Tiny = Callable[..., LanguageModel]


def alone(model: LanguageModel, prompt: list[int], params: SamplingParams, **how: int) -> list[int]:
    return [step.id for step in generate_steps(model, prompt, params, **how)]  # type: ignore[arg-type]


def random_params(luck: random.Random) -> SamplingParams:
    return SamplingParams(
        temperature=luck.choice([0, 0.5, 0.8, 1, 1.7]),
        top_k=luck.choice([0, 0, 1, 3]),
        top_p=luck.choice([1, 1, 0.7]),
        max_new_tokens=luck.randint(1, 60),
        seed=luck.randrange(2**32),
    )


@pytest.mark.parametrize("context", [0, 5])
def test_company_changes_no_text(model: LanguageModel, tiny: Tiny, ids: list[int], context: int) -> None:
    """Runs join, are completed and are taken away at random moments; some write alone for a while, with a draft."""
    luck = random.Random(context)
    batch = Batch(model, draft=tiny("bigram"), context=context)
    asked: dict[Writer, tuple[list[int], SamplingParams]] = {}
    written: dict[Writer, list[int]] = defaultdict(list)
    gone = set()
    while len(asked) < 30 or batch.writers:
        if len(asked) < 30 and luck.random() < 0.25:
            request = luck.sample(ids, luck.randint(1, len(ids))), random_params(luck)
            asked[batch.add(*request)] = request
        if batch.writers and luck.random() < 0.02:
            batch.remove(gone_now := luck.choice(batch.writers))
            gone.add(gone_now)
        if batch.writers:
            for writer, step in batch.step():
                assert step.position == len(written[writer])
                written[writer].append(step.id)
    assert len(gone) in range(1, 20)
    for writer, (prompt, params) in asked.items():
        expected = alone(model, prompt, params, context=context)
        assert written[writer] == (expected[: len(written[writer])] if writer in gone else expected)


def test_a_long_beginning_does_not_stop_the_others(tiny: Tiny) -> None:
    model = tiny("gpt", block_size=4 * PART)
    batch = Batch(model)
    short = batch.add([1], SamplingParams(max_new_tokens=20))
    batch.step()
    prompt = torch.randint(11, (4 * PART - 1,), generator=torch.Generator().manual_seed(0)).tolist()
    long = batch.add(prompt, SamplingParams(max_new_tokens=5))
    longest = 0
    model.register_forward_pre_hook(lambda _, given: passes.append(given[0].size(1)))
    for _ in range(4):
        passes: list[int] = []
        assert [writer for writer, _ in batch.step()] == [short, long][: 1 + (not batch.reader.behind(1))]
        longest = max(longest, *passes)
    assert longest == PART
    assert long.written == 1


def test_those_who_have_written_least_catch_up_first(tiny: Tiny) -> None:
    batch = Batch(tiny("gpt", block_size=16))
    for start in range(3):
        batch.add([start], SamplingParams(max_new_tokens=60))
    while any(writer.written < 16 for writer in batch.writers):
        batch.step()
    late = batch.writers[0]
    new = batch.add(list(range(11)), SamplingParams(max_new_tokens=1))
    written = [writer for writer, _ in batch.step()]
    assert new in written
    assert late.written >= 16


def test_a_complete_run_leaves_its_place(tiny: Tiny) -> None:
    batch = Batch(tiny("gpt"))
    for count in (1, 2, 3):
        batch.add([1], SamplingParams(max_new_tokens=count))
    assert [len(batch.step()) for _ in range(3)] == [3, 2, 1]
    assert batch.writers == []
    assert batch.reader.texts == []
    assert batch.reader.cache is not None
    assert batch.reader.cache.lengths == []
