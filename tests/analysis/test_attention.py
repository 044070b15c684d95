"""What is captured is what the model used, and looking changes nothing."""

import copy
import itertools
from collections.abc import Callable

import pytest
import torch

from nanogpt.analysis.attention import (
    attention,
    attention_layers,
    attention_patterns,
    captured_attention,
    patterns_and_norms,
)
from nanogpt.analysis.parts import twin, without
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import window_start

LOOKING = [("self_attention", 1), ("gpt", 2), ("gpt-as-nanogpt", 2), ("gpt-in-context", 2)]


@pytest.mark.parametrize(("variant", "n_layer"), LOOKING)
def test_rows_are_distributions_over_what_came_before(
    variant: str, n_layer: int, text_model: Callable[..., TextModel]
) -> None:
    weights = attention(text_model(variant), "abcdef")
    assert weights.shape == (n_layer, 2, 6, 6)
    assert torch.allclose(weights.sum(-1), torch.ones(n_layer, 2, 6))
    assert (weights.triu(1) == 0).all()


@pytest.mark.parametrize(("variant", "n_layer"), LOOKING)
@torch.inference_mode()
def test_captured_is_used(variant: str, n_layer: int, tiny: Callable[..., LanguageModel]) -> None:
    """The weights times the values, projected, are what each layer added."""
    model, outputs, expected = tiny(variant), [], []
    handles = [
        layer.register_forward_hook(lambda m, i, o: outputs.append((i[0], o))) for layer in attention_layers(model)
    ]
    with captured_attention(model) as patterns:
        model(torch.arange(8)[None])
    for handle in handles:
        handle.remove()
    for layer, (pattern, value), (x, _) in zip(attention_layers(model), patterns, outputs, strict=True):
        _, _, v = layer.query_key_value(x)
        assert torch.equal(value, v)
        expected.append(layer.c_proj((pattern @ v).transpose(1, 2).flatten(2)))
    assert len(patterns) == n_layer
    for want, (_, got) in zip(expected, outputs, strict=True):
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_hooks_are_removed_after_an_error(tiny: Callable[..., LanguageModel]) -> None:
    model = tiny("gpt")
    with pytest.raises(RuntimeError, match="stop"), captured_attention(model):
        raise RuntimeError("stop")
    assert not any(layer._forward_hooks for layer in attention_layers(model))


def test_a_twin_shares_the_weights_and_nothing_else(tiny: Callable[..., LanguageModel]) -> None:
    model = tiny("gpt")
    before = copy.deepcopy(model.state_dict())
    other = twin(model)
    assert [id(p) for p in other.parameters()] == [id(p) for p in model.parameters()]
    assert not {id(m) for m in other.modules()} & {id(m) for m in model.modules()}
    attention_patterns(model, [1, 2, 3])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_of_a_longer_text_the_last_characters_are_read(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    assert torch.equal(attention(loaded, "aaaa" + "bcdefghi"), attention(loaded, "bcdefghi"))
    with pytest.warns(UserWarning, match="2 characters") as warned:
        weights = attention(loaded, "abXcY")
    assert warned[0].filename == __file__
    assert torch.equal(weights, attention(loaded, "abc"))
    assert torch.equal(weights, attention(loaded, loaded.read_text("abXcY")))


def test_what_cannot_be_looked_at_is_refused(text_model: Callable[..., TextModel]) -> None:
    for kind in ("bigram", "trigram", "mlp"):
        with pytest.raises(ValueError, match="has no attention"):
            attention(text_model(kind), "abc")
    with pytest.raises(ValueError, match="no character that the model knows"):
        attention(text_model("gpt"), "")


@pytest.mark.parametrize(("variant", "n_layer"), LOOKING)
@pytest.mark.parametrize("context", [1, 3, 4, 8, 20])
def test_weights_beyond_the_context_are_exactly_zero(
    variant: str, n_layer: int, context: int, text_model: Callable[..., TextModel]
) -> None:
    loaded = text_model(variant)
    weights = attention(loaded, "abcdefgh", context)
    assert torch.allclose(weights.sum(-1), torch.ones(n_layer, 2, 8))
    for row, column in itertools.product(range(8), range(8)):
        if column > row or row - column >= context:
            assert (weights[:, :, row, column] == 0).all()
    row = weights[:, :, 7, :]
    start = window_start(8, min(context, 8))
    assert torch.allclose(row[..., start:], attention(loaded, "abcdefgh"[start:])[:, :, -1], atol=1e-6)


def test_a_context_out_of_range_is_refused(text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match="Context must be a whole number from 0"):
        attention(text_model("gpt"), "abc", -1)


@pytest.mark.parametrize(("variant", "n_layer"), LOOKING)
@pytest.mark.parametrize("context", [0, 3])
@torch.no_grad()
def test_value_norms_are_the_lengths_of_the_projected_values(
    variant: str, n_layer: int, context: int, text_model: Callable[..., TextModel]
) -> None:
    loaded, ids = text_model(variant), [1, 2, 3, 0, 4, 5, 1, 2]
    norms = patterns_and_norms(loaded.model, ids, context)[1]
    assert norms.shape == (n_layer, 2, 8)
    for t in range(8):
        start = window_start(t + 1, context or 8)
        inputs: list[torch.Tensor] = []
        handles = [
            layer.register_forward_hook(lambda m, i, o, kept=inputs: kept.append(i[0]))
            for layer in attention_layers(loaded.model)
        ]
        loaded.model(torch.tensor([ids[start : t + 1]]))
        for handle in handles:
            handle.remove()
        for i, layer in enumerate(attention_layers(loaded.model)):
            value = layer.query_key_value(inputs[i])[2][0, :, -1]  # (n_head, head_dim)
            projections = layer.c_proj.weight.split(layer.head_dim, dim=1)
            expected = [(projection @ v).norm().item() for projection, v in zip(projections, value, strict=True)]
            assert norms[i, :, t].tolist() == pytest.approx(expected, rel=1e-4)


def test_a_head_that_is_off_adds_no_value(text_model: Callable[..., TextModel]) -> None:
    loaded, ids = text_model("gpt-as-nanogpt"), [1, 2, 3]
    before, off = (patterns_and_norms(one.model, ids)[1] for one in (loaded, without(loaded, "1.2 2.1 2.2")))
    assert torch.allclose(off[0, 0], before[0, 0])
    assert (off[0, 1] == 0).all()
    assert (off[1] == 0).all()
    with pytest.raises(ValueError, match="has no attention"):
        patterns_and_norms(text_model("bigram").model, ids)
