"""Generation: cached is uncached, the window follows its rule, and a request is a text."""

import copy
import itertools
import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from nanogpt.generation.batch import GUESSES
from nanogpt.generation.beam import beam_search
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams


def ids_of(model: nn.Module, prompt: list[int], cached: bool = True, **params: float) -> list[int]:
    return [step.id for step in generate_steps(model, prompt, SamplingParams(**params), cached=cached)]  # type: ignore[arg-type]


@pytest.mark.parametrize("cached", [True, False])
def test_a_draft_changes_no_text(tiny: Callable[..., nn.Module], cached: bool) -> None:
    """Whoever drafts: a stranger, who is mostly wrong, or the model itself, who is always right."""
    model, prompt = tiny("gpt"), [1, 2, 3]
    for drafter in (tiny("bigram"), tiny("trigram"), tiny("mlp"), model):
        for n, seed in itertools.product((1, 2, 5, 60), range(2)):
            params = SamplingParams(temperature=1, max_new_tokens=n, seed=seed)
            plain = list(generate_steps(model, prompt, params, cached=cached))
            drafted = list(generate_steps(model, prompt, params, cached=cached, draft=drafter))
            assert [s.id for s in drafted] == [s.id for s in plain]
            assert [s.position for s in drafted] == list(range(n))
            for a, b in zip(plain, drafted, strict=True):
                assert (a.logits - b.logits).abs().max() <= 1e-4


def test_a_good_draft_saves_passes(tiny: Callable[..., nn.Module]) -> None:
    model = tiny("gpt", block_size=64)
    drafter = copy.deepcopy(model)
    passes: list[int] = []
    model.register_forward_pre_hook(lambda _, inputs: passes.append(inputs[0].size(1)))
    list(generate_steps(model, [1], SamplingParams(max_new_tokens=40), draft=drafter))
    assert max(passes) == GUESSES + 1
    assert sum(n == GUESSES + 1 for n in passes) <= math.ceil(40 / (GUESSES + 1)) + 1


def test_same_request_same_text(model: nn.Module) -> None:
    first = ids_of(model, [1, 2], max_new_tokens=60, seed=5)
    assert ids_of(model, [1, 2], max_new_tokens=60, seed=5) == first
    assert ids_of(model, [1, 2], max_new_tokens=60, seed=5, cached=False) == first
    assert ids_of(model, [1, 2], max_new_tokens=60, seed=6) != first


def test_a_longer_text_begins_with_the_shorter(model: nn.Module) -> None:
    long = ids_of(model, [3], max_new_tokens=50)
    assert len(long) == 50
    for n in (1, 7, 49):
        assert ids_of(model, [3], max_new_tokens=n) == long[:n]


def test_only_the_last_block_of_a_prompt_counts(model: nn.Module, ids: list[int]) -> None:
    last = ids[-model.config.block_size :]
    assert ids_of(model, ids, max_new_tokens=30) == ids_of(model, last, max_new_tokens=30)


def test_temperature_zero_is_argmax(model: nn.Module) -> None:
    for step in generate_steps(model, [1], SamplingParams(temperature=0, max_new_tokens=30)):
        assert step.id == step.logits.argmax()


def test_two_sides_of_one_model_are_one_text(tiny: Callable[..., nn.Module]) -> None:
    """Read in turn, as the page reads them: what one side draws is nothing to the other."""
    for name, seeds, count in (("bigram", 10, 200), ("gpt", 2, 100)):
        sides = [tiny(name), tiny(name)]
        texts = set()
        for seed in range(seeds):
            params = SamplingParams(temperature=1, max_new_tokens=count, seed=seed)
            pairs = list(zip(*(generate_steps(side, [0], params) for side in sides), strict=True))
            assert [a.id for a, _ in pairs] == [b.id for _, b in pairs]
            assert [a.position for a, _ in pairs] == list(range(count))
            texts.add(tuple(a.id for a, _ in pairs))
        assert len(texts) == seeds


def test_whoever_stops_reading_stops_the_work(tiny: Callable[..., nn.Module]) -> None:
    model = tiny("gpt")
    calls: list[int] = []
    model.register_forward_pre_hook(lambda *_: calls.append(1))
    steps = generate_steps(model, [0], SamplingParams(max_new_tokens=100))
    first = [next(steps).id, next(steps).id]
    steps.close()
    assert len(calls) == 2
    assert ids_of(model, [0], max_new_tokens=2) == first


def test_the_global_generator_is_left_alone(model: nn.Module) -> None:
    before = torch.get_rng_state()
    ids_of(model, [0], max_new_tokens=20)
    list(beam_search(model, [0], 2, 5))
    assert torch.equal(torch.get_rng_state(), before)
