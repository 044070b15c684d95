"""Weights that make laws bite: models start with zeros where a law would hold for nothing."""

from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


@torch.no_grad()
def randomise(model: M, seed: int = 0) -> M:
    """Fresh models have zeros in places, under which most laws would hold of a broken model too."""
    generator = torch.Generator().manual_seed(seed)
    for p in model.parameters():
        p.copy_(torch.randn(p.shape, generator=generator) * 0.3 + (p.ndim == 1))
    return model.eval()
