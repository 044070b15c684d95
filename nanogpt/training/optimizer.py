"""Optimizers: Muon for the matrices inside blocks, AdamW for the rest, and an average of the weights.

Knows parameters; knows no model, no data and no schedule.
"""

import math
from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Momentum that is orthogonalised: each step moves a matrix by nearly the same amount in every direction.

    Keller Jordan, https://kellerjordan.github.io/posts/muon/. `torch.optim.Muon` does the same with one matrix at a
    time and always in bfloat16; here all matrices of one shape, transposed or not, are orthogonalised together, in
    `dtype`.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    by_shape[tuple(sorted(p.shape))].append(p)
            for params in by_shape.values():
                updates = []
                for p in params:
                    assert p.grad is not None
                    if not self.state[p]:
                        self.state[p]["momentum_buffer"] = torch.zeros_like(p)
                    m = self.state[p]["momentum_buffer"]
                    m.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(wide(torch.lerp(p.grad, m, group["momentum"])))  # Nesterov
                step = orthogonalise(torch.stack(updates).to(self.dtype))
                for p, s in zip(params, step, strict=True):
                    # A tall matrix moves further, so that the size of its output's change stays the same.
                    rate = group["lr"] * math.sqrt(max(1, p.size(0) / p.size(1)))
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    wide(p).add_(s, alpha=-rate)


def wide(matrix: Tensor) -> Tensor:
    """The matrix, or its transpose if it has more rows than columns.

    Orthogonalising a transpose gives the transpose of the result, so matrices of both forms can share a batch.
    """
    return matrix.mT if matrix.size(0) > matrix.size(1) else matrix


def orthogonalise(x: Tensor, steps: int = 5) -> Tensor:
    """(N, rows, columns) → matrices of the same shape with all singular values near 1, by Newton-Schulz iterations.

    The Gram matrix below has as many rows as x, so a wide matrix takes less work than its transpose.

    The coefficients of the polynomial are Keller Jordan's: they raise small singular values fast and leave all of
    them between 0.7 and 1.2, which works as well as exactly 1. Each iteration multiplies x by a polynomial in its
    Gram matrix x xᵀ. In float32, all iterations are done on that small square matrix, and x is used only twice: less
    than half the work for the matrices of an MLP, and exact to 1e-4. In bfloat16 this is unstable, so x is
    multiplied in each iteration; with hardware for bfloat16 that is faster still.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    if x.dtype == torch.bfloat16:
        for _ in range(steps):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
        return x
    gram = x @ x.mT
    identity = torch.eye(gram.size(-1), device=x.device).expand_as(gram)
    product = identity
    for i in range(steps):
        factor = torch.baddbmm(gram, gram, gram, beta=b, alpha=c).add_(identity, alpha=a)
        product = factor @ product if i else factor
        if i < steps - 1:
            gram = factor @ gram @ factor
    return product @ x


def is_hidden_matrix(name: str, p: Tensor) -> bool:
    """True for the matrices inside attention and MLPs; false for embeddings, tables, output layer, norms and biases."""
    return p.ndim == 2 and (".attn." in f".{name}" or ".mlp." in f".{name}")


def build_optimizers(
    model: nn.Module,
    *,
    kind: str,
    learning_rate: float,
    matrix_lr: float,
    weight_decay: float,
    betas: tuple[float, float],
    dtype: torch.dtype = torch.float32,
) -> list[torch.optim.Optimizer]:
    """The optimizers of all parameters.

    Args:
        kind: `muon` for Muon with decay on the hidden matrices and AdamW without decay on the rest; `adamw` for AdamW
            alone, with decay on every parameter of two dimensions, as in nanoGPT.
        dtype: that of the training's matrix products. Muon's own are in bfloat16 if it is bfloat16, else in float32.
    """
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    fused = next(model.parameters()).device.type in ("cpu", "cuda")
    if kind == "muon":
        hidden = [p for n, p in named if is_hidden_matrix(n, p)]
        rest = [p for n, p in named if not is_hidden_matrix(n, p)]
        optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=learning_rate, betas=betas, weight_decay=0.0, fused=fused)
        ]
        if hidden:
            products = dtype if dtype == torch.bfloat16 else torch.float32
            optimizers.append(Muon(hidden, matrix_lr, weight_decay, dtype=products))
        return optimizers
    groups = [
        {"params": [p for _, p in named if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for _, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [torch.optim.AdamW([g for g in groups if g["params"]], lr=learning_rate, betas=betas, fused=fused)]


def schedule(step: int, max_iters: int, *, shape: str, warmup_iters: int, cooldown: float, floor: float) -> float:
    """The learning rate at `step`, as a share of the peak: a linear warm-up, then a decay to `floor`.

    `linear` holds the peak and then falls in a straight line over the last `cooldown` (a share of the run); `cosine`
    starts to fall at the end of the warm-up (arXiv:1608.03983).
    """
    if step < warmup_iters:
        return (step + 1) / warmup_iters
    if shape == "cosine":
        done = (step - warmup_iters) / max(1, max_iters - warmup_iters)
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
    left = (max_iters - step) / max(1, cooldown * max_iters)
    return floor + (1 - floor) * min(1.0, left)


class Average:
    """An exponential moving average of the weights (Polyak averaging), kept beside the model."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.weights = {n: p.detach().clone() for n, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Include the weights after `step`. The decay grows at first, or initial weights would dominate the average."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for n, p in model.named_parameters():
            self.weights[n].lerp_(p, 1 - decay)
