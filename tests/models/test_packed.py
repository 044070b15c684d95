"""Packed layers: as near to the exact sum as plain ones, and never where float16 would change a weight."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nanogpt.models.packed import PackedLinear, pack
from nanogpt.storage.checkpoint import read_model
from tests.randomised import randomise

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


def linear(outputs: int = 400, seed: int = 0) -> nn.Linear:
    """A layer with weights that float16 holds, as those of a checkpoint."""
    layer = nn.Linear(400, outputs)
    randomise(layer, seed)
    layer.weight.data = layer.weight.data.bfloat16().float()
    return layer


def packed_layers(model: nn.Module) -> list[str]:
    return [name for name, m in model.named_modules() if isinstance(m, PackedLinear)]


@torch.inference_mode()
def error(model: nn.Module, idx: Tensor, exact: Tensor) -> float:
    """The root of the mean square by which the model's logits miss those of float64."""
    return float((model(idx).double() - exact).square().mean().sqrt())


def test_a_packed_model_rounds_no_more_than_a_plain_one() -> None:
    model, tokenizer = read_model(CHECKPOINTS / "gpt")
    idx = torch.randint(tokenizer.vocab_size, (4, 128), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = copy.deepcopy(model).double()(idx)
    plain = error(model, idx, exact)
    packed = pack(model)
    assert packed_layers(packed)
    assert error(packed, idx, exact) < 2 * plain


def test_weights_that_float16_would_change_stay() -> None:
    layers = {"taken": linear(), "small": linear(8), "finer": linear(), "beyond": linear()}
    layers["finer"].weight.data[0, 0] = 1 + 2**-12
    layers["beyond"].weight.data[0, 0] = 1e6
    assert packed_layers(pack(nn.ModuleDict(layers))) == ["taken", "small"]


def test_a_bias_is_added() -> None:
    plain = linear()
    x = torch.randn(3, 400, generator=torch.Generator().manual_seed(1))
    expected = plain(x)
    packed = pack(nn.Sequential(plain))
    assert packed_layers(packed) == ["0"]
    torch.testing.assert_close(packed(x), expected)


def test_a_copy_shares_what_never_changes() -> None:
    model = pack(nn.Sequential(linear()))
    assert copy.deepcopy(model)[0] is model[0]  # type: ignore[index]


def test_without_fbgemm_nothing_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.quantized, "engine", "qnnpack")  # what a machine with ARM cores has
    assert packed_layers(pack(nn.Sequential(linear()))) == []


@torch.inference_mode()
def test_a_row_of_a_product_does_not_depend_on_the_others() -> None:
    """To the bit: a text must not depend on how many are written at once."""
    layer = pack(nn.Sequential(linear()))[0]
    assert isinstance(layer, PackedLinear)
    x = torch.randn(64, 400, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([layer(row[None]) for row in x])
    for count in (2, 3, 7, 8, 13, 14, 15, 28, 33, 64):
        assert torch.equal(layer(x[:count]), alone[:count])
