"""Attention as it is written down, against attention as it is computed."""

import itertools

import pytest
import torch
from randomised import randomise

from nanogpt.device import autocast
from nanogpt.models.functions import rotate
from nanogpt.models.kv_cache import KVCache
from nanogpt.models.layers import CausalSelfAttention, ContextMLP, attention_weights, rotary_table

SETTINGS = list(itertools.product((False, True), (False, True)))  # (rotary, qk_norm)


def layer_and_input(rotary: bool, qk_norm: bool) -> tuple[CausalSelfAttention, torch.Tensor]:
    layer = CausalSelfAttention(16, 2, 12, rotary=rotary, qk_norm=qk_norm)
    randomise(layer)
    return layer, torch.randn(3, 12, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("rotary", "qk_norm"), SETTINGS)
@torch.no_grad()
def test_fused_is_explicit(rotary: bool, qk_norm: bool) -> None:
    layer, x = layer_and_input(rotary, qk_norm)
    q, k, v = layer.query_key_value(x)
    y = attention_weights(q, k, layer.scale) @ v  # (3, 2, 12, 8)
    explicit = layer.c_proj(y.transpose(1, 2).reshape(x.shape))
    assert (layer(x) - explicit).abs().max() <= 1e-5
    assert explicit.std() > 0.1  # not all the same nothing


@pytest.mark.parametrize(("rotary", "qk_norm"), SETTINGS)
def test_attention_in_bfloat16_is_that_of_float32_to_its_rounding(rotary: bool, qk_norm: bool) -> None:
    layer, x = layer_and_input(rotary, qk_norm)
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        layer.zero_grad()
        with autocast(torch.device("cpu"), dtype):
            y = layer(x)
        y.float().square().sum().backward()
        assert y.dtype == dtype
        results.append([y, *(p.grad.clone() for p in layer.parameters() if p.grad is not None)])
    assert len(results[0]) == 5
    for exact, rounded in zip(*results, strict=True):
        assert (exact - rounded).norm() <= 0.02 * exact.norm()


@torch.no_grad()
def test_in_bfloat16_cached_is_uncached() -> None:
    layer, x = layer_and_input(rotary=True, qk_norm=True)
    layer, x = layer.bfloat16(), x.bfloat16()
    cache = KVCache(1, 3, 2, 12, 8, dtype=torch.bfloat16)
    parts = []
    for some in x.split(4, dim=1):
        cache.begin(torch.zeros(3, 4, dtype=torch.long))
        parts.append(layer(some, cache))
        cache.advance(4)
    assert (torch.cat(parts, dim=1) - layer(x)).norm() <= 0.02 * layer(x).norm()


@pytest.mark.parametrize(("rotary", "qk_norm"), SETTINGS)
@torch.no_grad()
def test_rows_sum_to_one_and_look_back(rotary: bool, qk_norm: bool) -> None:
    layer, x = layer_and_input(rotary, qk_norm)
    q, k, _ = layer.query_key_value(x)
    weights = attention_weights(q, k, layer.scale)
    assert torch.allclose(weights.sum(-1), torch.ones(3, 2, 12), atol=1e-6)
    assert (weights.triu(1) == 0).all()
    assert (weights[torch.ones_like(weights, dtype=torch.bool).tril()] > 0).all()


def test_the_last_query_stands_at_the_last_key() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 6, 4, generator=generator)
    whole = attention_weights(q, k, 0.5)
    assert torch.allclose(attention_weights(q[:, :, 4:], k, 0.5), whole[:, :, 4:], atol=1e-6)


@torch.no_grad()
def test_rotary_scores_depend_on_the_distance_only() -> None:
    table = rotary_table(9, 8)
    q, k = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(0)).expand(2, 9, 8)
    scores = rotate(q, table) @ rotate(k, table).T  # (9, 9): one q and one k, at every pair of places
    for distance in range(-8, 9):
        diagonal = scores.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[0].expand_as(diagonal), atol=1e-5)
    assert scores[0].std() > 0.1


def test_rotation_keeps_lengths() -> None:
    x = torch.randn(9, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(rotate(x, rotary_table(9, 8)).norm(dim=-1), x.norm(dim=-1), atol=1e-5)
    assert torch.equal(rotate(x, rotary_table(9, 8))[0], x[0])  # place 0 turns nothing


def test_qk_norm_forgets_the_size_of_its_input() -> None:
    layer, x = layer_and_input(rotary=False, qk_norm=True)
    layer.c_attn.bias.data.zero_()
    q, k, _ = layer.query_key_value(x)
    q10, k10, _ = layer.query_key_value(10 * x)
    assert torch.allclose(q, q10, atol=1e-4)
    assert torch.allclose(k, k10, atol=1e-4)


@torch.no_grad()
def test_a_context_is_the_last_characters_and_no_others() -> None:
    layer = ContextMLP(vocab_size=11, n_context=3, n_vector=8, widths=[16, 8])
    randomise(layer)
    idx = torch.randint(11, (1, 9), generator=torch.Generator().manual_seed(1))
    before = layer(idx)
    for changed in range(9):
        other = idx.clone()
        other[0, changed] = (other[0, changed] + 1) % 11
        heard = (layer(other) - before).abs().amax(-1)[0] > 1e-4
        assert heard.nonzero().flatten().tolist() == list(range(9))[changed : changed + 3]
    assert torch.allclose(layer(idx, rows=2), before[:, -2:], atol=1e-6)
