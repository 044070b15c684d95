"""Functions of tensors that training needs to be fast on a CPU: dropout, and two with a derivative written by hand.

Each is a known function; only the way to it is shorter. In training, most time beside the matrix products goes into
reading and writing memory, so a step that is left out counts. Knows tensors; knows no layer.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F


def dropout(x: Tensor, rate: float) -> Tensor:
    """x with each element set to zero with probability `rate`, the others larger by 1 / (1 - rate); arXiv:1207.0580.

    On a CPU the probability is rounded to 16 bits, and four elements share one random number of 64: torch draws one for
    each element, which takes five times as long.
    """
    if not rate or not x.is_cpu:
        return F.dropout(x, rate)
    parts = torch.empty(-(-x.numel() // 4), dtype=torch.long).random_(-(2**63), None).view(torch.short)
    kept = torch.empty_like(x, requires_grad=False, memory_format=torch.contiguous_format)
    torch.ge(parts[: x.numel()].view(x.shape), round(rate * 2**16) - 2**15, out=kept)  # 1 or 0
    return x * kept.mul_(1 / (1 - rate))


class ReluSquared(torch.autograd.Function):
    """max(x, 0)², with its derivative 2 · max(x, 0) in one product. Autograd would go through the square and the ReLU
    one after the other."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        positive = F.relu(x)
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        return (grad * positive).mul_(2)


def relu_squared(x: Tensor) -> Tensor:
    """max(x, 0)²; Primer, arXiv:2109.08668 §4."""
    if not x.requires_grad:  # without a derivative, the way there would take longer than the sums
        return F.relu(x).square()
    return ReluSquared.apply(x)  # type: ignore[no-untyped-call]


def unit_length(x: Tensor) -> Tensor:
    """x / ‖x‖ over the last dimension."""
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=1e-6)


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Rotate the pairs (x[i], x[i + head_dim/2]) of x (…, T, head_dim) by the angles in table (2, …, T, head_dim)."""
    cos, sin = table.to(x.dtype)
    return x * cos + x.roll(x.size(-1) // 2, -1) * sin


def spread(x: Tensor, size: int) -> Tensor:
    """(…, 1) → (…, size): each number repeated along the last dimension, for an operation that would broadcast it.

    On a CPU, such an operation takes 3 to 4 times as long if it broadcasts to a size that is not a multiple of the
    processor's vectors, like 40. Copying the numbers first takes less time.
    """
    return x.repeat_interleave(size, -1)


class RotatedUnits(torch.autograd.Function):
    """y = R x / ‖x‖ for a rotation R. A change of x across y turns y, by 1 / ‖x‖ as much; one along y does nothing.

    So the derivative of a loss by x is Rᵀ (g - y (y · g)) / ‖x‖, where g is the one by y.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, table: Tensor) -> Tensor:
        x = x.contiguous()  # else each of the steps is slower
        with torch.autocast(x.device.type, enabled=False):  # it would compute the length in float32
            length = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp(min=1e-6)
        length = spread(length, x.size(-1))
        y = rotate(x / length, table)
        ctx.save_for_backward(y, length, table)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        y, length, table = ctx.saved_tensors
        cos, sin = table.to(y.dtype)
        along = spread((y * g).sum(-1, keepdim=True), y.size(-1))
        across = torch.addcmul(g, y, along, value=-1).div_(length)
        return (across * sin).roll(y.size(-1) // 2, -1).addcmul_(across, cos), None


def rotated_units(x: Tensor, table: Tensor) -> Tensor:
    """`rotate(unit_length(x), table)`."""
    if not x.requires_grad:
        return rotate(unit_length(x).to(x.dtype), table)
    return RotatedUnits.apply(x, table)  # type: ignore[no-untyped-call]
