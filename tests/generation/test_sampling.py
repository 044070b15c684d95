"""The request, the noise, the cut, the choice."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from nanogpt.generation.sampling import MAX_NEW_TOKENS, SamplingParams, allowed_logits, choose, gumbel_noise

LOGITS = torch.randn(12, generator=torch.Generator().manual_seed(3)) * 1.5
Choice = Callable[[Tensor, SamplingParams, Tensor], int]

NOT_NUMBERS = [(math.nan, "nan"), (math.inf, "inf"), (True, "True"), ("warm", "warm"), (None, "None")]


@pytest.mark.parametrize(("value", "got"), [*NOT_NUMBERS, (-0.1, "-0.1"), (2.1, "2.1"), (10**400, "1000")])
def test_temperature(value: Any, got: str) -> None:
    with pytest.raises(ValueError) as refusal:
        SamplingParams(temperature=value)
    assert str(refusal.value).startswith(f"Temperature must be a number from 0 to 2; got {got}")


def test_the_words_of_a_refusal() -> None:
    with pytest.raises(ValueError) as refusal:
        SamplingParams(temperature=math.nan)
    assert str(refusal.value) == "Temperature must be a number from 0 to 2; got nan."


@pytest.mark.parametrize(
    ("field", "words", "values"),
    [
        ("top_k", "Top-k must be a whole number from 0", [-1, 2.5]),
        ("top_p", "Top-p must be a number above 0 and at most 1", [0, -0.1, 1.1]),
        ("max_new_tokens", "Number of characters must be a whole number from 1 to 2,000", [0, 2.5, MAX_NEW_TOKENS + 1]),
        ("seed", "Seed must be a whole number from 0 to 4,294,967,295", [-1, 2**32, 0.5]),
    ],
)  # fmt: skip
def test_other_fields(field: str, words: str, values: list[Any]) -> None:
    for value in [*values, *(v for v, _ in NOT_NUMBERS), [1], "1"]:
        with pytest.raises(ValueError) as refusal:
            SamplingParams(**{field: value})
        assert str(refusal.value).startswith(f"{words}; got ") or str(refusal.value).startswith(f"{words} to 1,000,000")


def test_a_large_vocabulary_shortens_a_run() -> None:
    """2,000 characters of GPT-2's vocabulary would hold a gigabyte of noise, for each visitor."""
    SamplingParams(max_new_tokens=MAX_NEW_TOKENS).check_size(10_000)
    SamplingParams(max_new_tokens=512).check_size(65_536)
    with pytest.raises(ValueError, match=r"must be at most 512 for a model that knows 65,536; got 513\."):
        SamplingParams(max_new_tokens=513).check_size(65_536)


def test_numbers_from_json_are_made_whole() -> None:
    params = SamplingParams(temperature=1, top_k=3.0, max_new_tokens=5.0, seed=2.0)  # type: ignore[arg-type]
    assert [type(v) for v in (params.temperature, params.top_k, params.max_new_tokens, params.seed)] == [
        float,
        int,
        int,
        int,
    ]


def test_nearly_zero_is_greedy() -> None:
    assert SamplingParams(temperature=0).greedy
    assert SamplingParams(temperature=0.009).greedy
    assert not SamplingParams(temperature=0.01).greedy


def kept(logits: Tensor, **params: Any) -> list[int]:
    return allowed_logits(logits, SamplingParams(**params)).isfinite().nonzero().flatten().tolist()


def test_top_k_keeps_exactly_k_ties_included() -> None:
    ties = torch.tensor([1.0, 2.0, 2.0, 2.0, 0.0])
    assert kept(ties, top_k=2) == [1, 2]
    for k in range(1, 6):
        assert len(kept(ties, top_k=k)) == k
        assert len(kept(torch.zeros(5), top_k=k)) == k
    assert kept(ties, top_k=0) == kept(ties, top_k=99) == [0, 1, 2, 3, 4]


def test_top_p_keeps_the_smallest_set_that_holds_the_share() -> None:
    p = LOGITS.double().softmax(-1)
    for share in (0.01, 0.3, 0.5, 0.9):
        ids = kept(LOGITS, temperature=1, top_p=share)
        assert p[ids].sum() >= share
        assert p[ids].sum() - p[ids].min() < share
        assert p[ids].min() >= p[[i for i in range(12) if i not in ids]].max()
    assert kept(torch.zeros(4), top_p=0.5) == [0, 1]


def test_what_is_kept_keeps_its_odds() -> None:
    out = allowed_logits(LOGITS, SamplingParams(temperature=0.5, top_k=4))
    ids = out.isfinite()
    assert torch.allclose(out[ids], LOGITS[ids].double() / 0.5)


@pytest.mark.parametrize(
    "params", [{}, {"top_k": 3}, {"top_p": 0.6}, {"temperature": 1.3, "top_k": 9, "top_p": 0.8}, {"temperature": 0}]
)
def test_rows_together_are_cut_as_each_by_itself(params: dict[str, Any]) -> None:
    """To the last bit: what the page explains is what was drawn from."""
    rows = torch.randn(4, 50, 65, generator=torch.Generator().manual_seed(5)) * 2
    rows[0, 0] = 0  # all equal
    together = allowed_logits(rows, SamplingParams(**params))
    alone = torch.stack([allowed_logits(row, SamplingParams(**params)) for row in rows.view(-1, 65)])
    assert torch.equal(together.view(-1, 65), alone)


def test_inputs_are_not_modified() -> None:
    before = LOGITS.clone()
    choose(LOGITS, SamplingParams(top_k=2, top_p=0.5), torch.zeros(12, dtype=torch.float64))
    choose(LOGITS.double(), SamplingParams(temperature=1), torch.zeros(12, dtype=torch.float64))
    assert torch.equal(LOGITS, before)


def test_greedy_ignores_the_noise() -> None:
    noise = gumbel_noise(0, 50, 12) * 100
    assert {choose(LOGITS, SamplingParams(temperature=0), row) for row in noise} == {int(LOGITS.argmax())}


def test_a_row_of_noise_depends_on_seed_and_place_only() -> None:
    table = gumbel_noise(7, 100, 12)
    assert torch.equal(gumbel_noise(7, 3, 12), table[:3])
    assert not torch.equal(gumbel_noise(8, 100, 12), table)
    assert table.isfinite().all()


def stated_distribution(logits: Tensor, params: SamplingParams) -> list[float]:
    """What README and page promise, in plain Python: divide, keep k, keep the share of what is left, renormalise."""
    exp = [math.exp(x / params.temperature) for x in logits.tolist()]
    order = sorted(range(len(exp)), key=lambda i: (-exp[i], i))[: params.top_k or len(exp)]
    total, held, p = sum(exp[i] for i in order), 0.0, [0.0] * len(exp)
    for i in order:
        if held >= params.top_p * total:
            break
        p[i] = exp[i]
        held += exp[i]
    return [x / sum(p) for x in p]


def chi_square_p(choice: Choice, params: SamplingParams, draws: int = 20_000) -> float:
    """How likely counts at least this far from the stated distribution are; 0 if something impossible was drawn."""
    expected = torch.tensor(stated_distribution(LOGITS, params), dtype=torch.float64) * draws
    noise = gumbel_noise(params.seed, draws, len(LOGITS))
    counts = torch.bincount(torch.tensor([choice(LOGITS, params, row) for row in noise]), minlength=len(LOGITS))
    possible = expected > 0
    if counts[~possible].any():
        return 0.0
    distance = ((counts - expected).square() / expected)[possible].sum()
    degrees = possible.sum().double() - 1
    return torch.special.gammaincc(degrees / 2, distance / 2).item()


SETTINGS = [
    SamplingParams(temperature=1, seed=11),
    SamplingParams(temperature=0.7, top_k=5, seed=12),
    SamplingParams(temperature=1.3, top_k=9, top_p=0.8, seed=13),
]


@pytest.mark.parametrize("params", SETTINGS)
def test_draws_follow_the_stated_distribution(params: SamplingParams) -> None:
    assert chi_square_p(choose, params) > 1e-3


@pytest.mark.parametrize(
    "mistake",
    [
        lambda logits, params, noise: choose(logits / params.temperature, params, noise),  # temperature twice
        lambda logits, params, noise: choose(logits, params, noise * 1.05),
        lambda logits, params, noise: choose(logits, SamplingParams(params.temperature, 0, params.top_p), noise),
    ],
    ids=["temperature-twice", "louder-noise", "top-k-forgotten"],
)
def test_the_check_catches_a_planted_mistake(mistake: Choice) -> None:
    assert chi_square_p(mistake, SETTINGS[1]) < 1e-3
