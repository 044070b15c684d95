"""Packed layers: as near to the exact sum as plain ones, and never where float16 would change a weight."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nanogpt.checkpoint import load
from nanogpt.packed import PackedLinear, pack
from tests.randomised import randomise

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"


def packed_layers(model: nn.Module) -> list[str]:
    return [name for name, m in model.named_modules() if isinstance(m, PackedLinear)]


@torch.inference_mode()
def error(model: nn.Module, idx: Tensor, exact: Tensor) -> float:
    """The root of the mean square by which the model's logits miss those of float64."""
    return float((model(idx).double() - exact).square().mean().sqrt())


@pytest.mark.parametrize("name", ["gpt", "quick", "mlp"])
def test_a_packed_model_rounds_no_more_than_a_plain_one(name: str) -> None:
    model, tokenizer = load(CHECKPOINTS / name)
    idx = torch.randint(tokenizer.vocab_size, (4, 128), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = copy.deepcopy(model).double()(idx)
    plain = error(model, idx, exact)
    packed = pack(model)
    assert packed_layers(packed)
    assert error(packed, idx, exact) < 2 * plain


def test_the_head_and_weights_that_float16_would_change_stay() -> None:
    linear = {name: nn.Linear(8, 8) for name in ("kept", "taken", "lm_head")}
    for name in ("taken", "lm_head"):
        linear[name].weight.data = linear[name].weight.data.bfloat16().float()
    model = pack(nn.ModuleDict(linear))
    assert packed_layers(model) == ["taken"]
    linear["kept"].weight.data.fill_(1e6)  # a bfloat16 number beyond float16's range
    assert packed_layers(pack(model)) == ["taken"]


def test_a_bias_is_added() -> None:
    linear = randomise(nn.Linear(8, 4))
    linear.weight.data = linear.weight.data.bfloat16().float()  # type: ignore[union-attr, operator]
    packed = pack(nn.Sequential(linear))
    x = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    assert packed_layers(packed) == ["0"]
    torch.testing.assert_close(packed(x), linear(x))


def test_a_copy_shares_what_never_changes() -> None:
    linear = nn.Linear(8, 8)
    linear.weight.data = linear.weight.data.bfloat16().float()
    model = pack(nn.Sequential(linear))
    assert copy.deepcopy(model)[0] is model[0]  # type: ignore[index]
