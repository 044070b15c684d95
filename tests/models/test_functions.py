"""Functions with a way of their own: each is the known function, and so is its derivative."""

import pytest
import torch
from torch.nn import functional as F

from nanogpt.models.functions import RotatedUnits, dropout, relu_squared, rotate, rotated_units, unit_length
from nanogpt.models.layers import rotary_table


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("rate", [0.05, 0.2, 0.9])
def test_dropout_keeps_the_share_and_the_mean(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    x = torch.full((401, 251), 3.0, dtype=dtype, requires_grad=True)
    y = dropout(x, rate)
    assert y.dtype == dtype
    kept = y != 0
    count, mean = kept.numel(), 1 - rate
    assert abs(kept.double().mean().item() - mean) < 5 * (rate * mean / count) ** 0.5
    assert torch.allclose(y[kept].double(), torch.tensor(3 / mean, dtype=torch.float64), rtol=1e-2)
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(slope != 0, kept)
    assert torch.equal(dropout(x, 0.0), x)


def test_the_elements_of_a_dropout_are_independent() -> None:
    """Neighbours share a random number."""
    torch.manual_seed(2)
    kept = (dropout(torch.ones(400_000), 0.5) != 0).double() - 0.5
    for distance in (1, 2, 3, 4, 5, 64):
        assert abs((kept[:-distance] * kept[distance:]).mean()) < 5 * 0.25 / 400_000**0.5


def test_a_dropout_is_a_function_of_the_seed() -> None:
    x, drawn = torch.ones(3, 5, 7), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(dropout(x, 0.5))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_relu_squared() -> None:
    assert relu_squared(torch.tensor([-2.0, 0.0, 3.0])).tolist() == [0, 0, 9]


def test_relu_squared_has_the_slope_of_its_parts() -> None:
    """To the bit: its own way back is only a shorter one."""
    generator = torch.Generator().manual_seed(0)
    x, slope = torch.randn(2, 100, generator=generator).unbind()
    (ours,) = torch.autograd.grad(relu_squared(x.requires_grad_()), x, slope)
    (parts,) = torch.autograd.grad(F.relu(x).square(), x, slope)
    assert torch.equal(ours, parts)


def test_rotated_units_are_what_they_say_and_so_is_their_derivative() -> None:
    torch.manual_seed(3)
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64, requires_grad=True)
    table = rotary_table(8, 6).double()
    assert torch.equal(rotated_units(x, table), rotate(unit_length(x), table))
    assert torch.equal(rotated_units(x.detach(), table), rotate(unit_length(x), table))
    assert torch.autograd.gradcheck(lambda x: RotatedUnits.apply(x, table), x)
