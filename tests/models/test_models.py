"""Laws over the table of models."""

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nanogpt.models import MODELS, build_model, config_values, kind_of, make_config
from nanogpt.training.presets import resolve


def logits_and_embedded(model: nn.Module, idx: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The logits and what each embedding of characters gave out, kept for its gradient."""
    embedded: list[Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> None:
        if output.ndim == 3:  # positions have no batch
            output.retain_grad()
            embedded.append(output)

    handles = [m.register_forward_hook(keep) for m in model.modules() if isinstance(m, nn.Embedding)]
    logits = model(idx)
    for handle in handles:
        handle.remove()
    return logits, embedded


def test_causal_by_gradient(model: nn.Module) -> None:
    """No logit moves with a later character, to the last bit; every one moves with its own."""
    idx = torch.randint(11, (1, 8), generator=torch.Generator().manual_seed(0))
    for t in range(8):
        logits, embedded = logits_and_embedded(model, idx)
        assert embedded
        logits[0, t].square().sum().backward()
        for e in embedded:
            assert e.grad is not None
            moved = e.grad[0, -8:]  # before the first character, some models read filling
            assert (moved[t + 1 :] == 0).all()
            assert (moved[t] != 0).any()


def test_attention_looks_back(tiny: Callable[..., nn.Module]) -> None:
    for name in ("self_attention", "gpt", "gpt-as-nanogpt"):
        logits, (embedded,) = logits_and_embedded(tiny(name), torch.arange(8)[None])
        logits[0, 7].square().sum().backward()
        assert embedded.grad is not None
        assert (embedded.grad[0].abs().sum(-1) > 0).all()


@torch.no_grad()
def test_shapes(model: nn.Module) -> None:
    for length in (1, 5, 8):
        assert model(torch.zeros(3, length, dtype=torch.long)).shape == (3, length, 11)


@torch.no_grad()
def test_the_last_rows_are_those_of_all(model: nn.Module) -> None:
    idx = torch.randint(11, (2, 7), generator=torch.Generator().manual_seed(0))
    for rows in (1, 3, 7):
        torch.testing.assert_close(model(idx, rows=rows), model(idx)[:, -rows:])


@torch.no_grad()
def test_rows_of_a_batch_do_not_meet(model: nn.Module) -> None:
    idx = torch.randint(11, (4, 8), generator=torch.Generator().manual_seed(0))
    alone = torch.cat([model(row[None]) for row in idx])
    assert (model(idx) - alone).abs().max() <= 1e-5


@pytest.mark.parametrize("kind", MODELS)
def test_a_fresh_model_has_no_opinion(kind: str) -> None:
    """Zero-initialised heads give ln V exactly; it is where every published loss curve starts."""
    with torch.random.fork_rng(), torch.no_grad():
        logits = build_model(make_config(kind, {"vocab_size": 11}))(torch.zeros(1, 1, dtype=torch.long))
    assert torch.allclose(logits.log_softmax(-1), torch.full((1, 1, 11), -math.log(11)))


@pytest.mark.parametrize("kind", MODELS)
def test_config_round_trip(kind: str) -> None:
    config = make_config(kind, {"vocab_size": 11})
    assert kind_of(config) == kind
    assert make_config(kind, config_values(config)) == config


@pytest.mark.parametrize("value", [True, math.nan, math.inf, 1e9, 0, -1, 2.5, "8", None, [8]])
@pytest.mark.parametrize(
    ("kind", "field"), [(k, f.name) for k in MODELS for f in fields(MODELS[k].config) if f.type is int]
)
def test_config_names_field_and_value(kind: str, field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{field} must be a whole number from 1 to [\d,]+; got "):
        make_config(kind, {"vocab_size": 11, field: value})


def test_whole_numbers_that_came_as_floats_are_whole() -> None:
    """A config.json with `"n_layer": 2.0` passed the check and then stopped the model with a TypeError."""
    values = {"vocab_size": 11.0, "block_size": 8.0, "n_layer": 2.0, "n_head": 2.0, "n_embd": 16.0}
    assert build_model(make_config("gpt", values)).config.n_layer == 2
    for kind in ("bigram", "trigram", "mlp"):
        build_model(make_config(kind, {"vocab_size": 11.0}))
    del values["n_layer"]
    build_model(make_config("self_attention", values))


def test_heads_divide_the_width() -> None:
    for kind in ("gpt", "self_attention"):
        with pytest.raises(ValueError, match="n_embd must be a multiple of n_head; got 10 and 3"):
            make_config(kind, {"vocab_size": 11, "n_embd": 10, "n_head": 3})
    with pytest.raises(ValueError, match="must be even; got 5"):
        make_config("gpt", {"vocab_size": 11, "n_embd": 10, "n_head": 2})


def test_unknown_model_and_field() -> None:
    with pytest.raises(ValueError, match="the models are bigram, trigram, mlp, self_attention, gpt"):
        make_config("../gpt", {})
    with pytest.raises(ValueError, match="Unknown field of gpt: 'n_experts'"):
        make_config("gpt", {"vocab_size": 11, "n_experts": 8})
    with pytest.raises(ValueError, match="incomplete: .*vocab_size"):
        make_config("gpt", {})


@pytest.mark.parametrize(
    ("preset", "size"),
    [("quick", 328_536), ("medium", 1_161_112), ("large", 4_755_200), ("best", 4_462_808), ("nanogpt-cpu", 804_096)],
)
def test_presets_have_the_published_sizes(preset: str, size: int) -> None:
    with torch.device("meta"):
        model = build_model(resolve("gpt", preset, {}).model_config(65))
    assert sum(p.numel() for p in model.parameters()) == size


def test_dropout_acts_in_training_only(tiny: Callable[..., nn.Module]) -> None:
    for name in ("self_attention", "gpt"):
        model, idx = tiny(name, dropout=0.5), torch.arange(8)[None]
        with torch.random.fork_rng(), torch.no_grad():
            assert torch.equal(model(idx), model(idx))
            model.train()
            assert not torch.equal(model(idx), model(idx))
