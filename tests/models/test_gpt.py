"""The GPT's options do what they say."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from nanogpt.models import build_model, make_config
from nanogpt.models.base import LanguageModel
from nanogpt.models.gpt import GPT, GPTConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dropout", -0.1), ("dropout", math.nan), ("dropout", 1), ("dropout", True), ("bias", 1), ("bias", "yes"),
        ("position", "sine"), ("activation", None), ("qk_norm", 0), ("tie_weights", None), ("zero_init", []),
    ],
)  # fmt: skip
def test_other_fields_of_the_gpt(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be"):
        make_config("gpt", {"vocab_size": 11, field: value})


@pytest.mark.parametrize("variant", ["gpt", "gpt-as-nanogpt", "gpt-in-context"])
def test_gradient_checkpointing_changes_no_gradient(variant: str, tiny: Callable[..., LanguageModel]) -> None:
    model, idx = tiny(variant).train(), torch.arange(8)[None]
    gradients = []
    for checkpointing in (False, True):
        model.gradient_checkpointing = checkpointing
        model.zero_grad()
        model(idx).square().sum().backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(list(model.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_a_tied_head_is_the_embedding() -> None:
    config = GPTConfig(vocab_size=11, n_layer=1, n_head=2, n_embd=16, block_size=8, tie_weights=True)
    with torch.random.fork_rng():
        model = GPT(config)
    assert model.lm_head.weight is model.get_parameter("transformer.wte.weight")


@pytest.mark.parametrize("zero_init", [False, True])
def test_each_block_begins_as_the_identity_with_zero_init(zero_init: bool) -> None:
    values = {"vocab_size": 11, "n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 8, "zero_init": zero_init}
    with torch.random.fork_rng(), torch.no_grad():
        model = build_model(make_config("gpt", values))
        x = torch.randn(1, 8, 16)
        same = [torch.equal(block(x), x) for block in model.get_submodule("transformer.h").children()]
    assert same == [zero_init, zero_init]
