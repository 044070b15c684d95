"""Linear layers for generation: weights in half the bytes, and the same sums up to float32's rounding.

The speed of generation is limited by reading the weights from memory. A checkpoint's bfloat16 weights fit into float16
(below 6·10⁻⁵ they keep 2⁻²⁵ of absolute precision, less than a float32 sum loses by its own rounding), so they are
stored in float16, and multiplied and added up in float32. Knows linear layers; knows no model and no file.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class PackedLinear(nn.Module):
    """x (…, in_features) in float32 → (…, out_features) in float32, by float16 weights. Not for training."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        weight, bias = (p if p is None else p.detach() for p in (linear.weight, linear.bias))
        self.packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)
        self.nbytes = 2 * weight.numel() + (0 if bias is None else 4 * bias.numel())

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.quantized.linear_dynamic_fp16.default(x, self.packed)

    def __deepcopy__(self, memo: object) -> "PackedLinear":
        return self  # never modified after packing


def pack(model: M) -> M:
    """Pack the linear layers of a model in place and return it; it can no longer be trained.

    Weights that float16 would change stay as they are, and so do all layers where PyTorch has no such product (it is
    FBGEMM's, for x86). Small layers gain no speed, but here too a row of the product is the same to the bit however
    many rows there are, which MKL's product does not promise.
    """
    if torch.backends.quantized.engine in ("x86", "fbgemm"):
        for module in list(model.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.Linear) and _fits(child.weight):
                    setattr(module, name, PackedLinear(child))
    return model


def _fits(weight: Tensor) -> bool:
    return bool(((weight.half().float() - weight).abs() <= 2**-25).all())
