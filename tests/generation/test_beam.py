"""Beam search finds likely texts, and says how likely they are."""

import itertools
from collections.abc import Callable

import pytest

from nanogpt.analysis.score import char_nats
from nanogpt.generation.beam import beam_search
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.models.base import LanguageModel


def test_a_beam_of_one_is_greedy(model: LanguageModel) -> None:
    *_, last = beam_search(model, [1], 1, 30)
    assert last.ids == [
        step.id for step in generate_steps(model, [1], SamplingParams(temperature=0, max_new_tokens=30))
    ]


def test_a_wide_beam_finds_the_likeliest(tiny: Callable[..., LanguageModel]) -> None:
    """Wide enough to drop nothing, it must agree with trying every continuation."""
    model = tiny("gpt", vocab_size=4, block_size=4)
    *_, best = beam_search(model, [1, 2, 3], 64, 4)
    scores = {c: -char_nats(model, [1, 2, 3], c).sum().item() for c in itertools.product(range(4), repeat=4)}
    assert tuple(best.ids) == max(scores, key=lambda c: scores[c])
    assert best.log_probability == pytest.approx(max(scores.values()), abs=1e-4)


def test_a_beam_says_how_likely_its_text_is(model: LanguageModel) -> None:
    for beam in beam_search(model, [1], 3, 20):
        assert beam.log_probability == pytest.approx(-char_nats(model, [1], beam.ids).sum().item(), abs=1e-3)
        assert beam.per_character == beam.log_probability / len(beam.ids)
