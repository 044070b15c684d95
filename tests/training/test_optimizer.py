"""How weights follow gradients."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from nanogpt.training.optimizer import Average, Muon, build_optimizers, is_hidden_matrix, orthogonalise, schedule

SHAPES = [(8, 8), (24, 8), (8, 24), (8, 8)]


def gradients(steps: int) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [[torch.randn(shape, generator=generator) for shape in SHAPES] for _ in range(steps)]


def parameters() -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def newton_schulz(g: Tensor) -> Tensor:
    """Keller Jordan's five steps, for one matrix, as his page has them."""
    x = g / g.norm()
    if g.size(0) > g.size(1):
        x = x.T
    for _ in range(5):
        A = x @ x.T
        x = 3.4445 * x + (-4.7750 * A + 2.0315 * A @ A) @ x
    return x.T if g.size(0) > g.size(1) else x


@torch.no_grad()
def test_muon_is_its_definition_matrix_by_matrix() -> None:
    ours, plain = parameters(), [p.detach().clone() for p in parameters()]
    momentum = [torch.zeros_like(p) for p in plain]
    optimizer = Muon(ours, lr=0.1, weight_decay=0.2, momentum=0.9)
    for grads in gradients(5):
        for i, g in enumerate(grads):
            ours[i].grad = g.clone()
            momentum[i] = 0.9 * momentum[i] + 0.1 * g
            update = newton_schulz(0.1 * g + 0.9 * momentum[i])
            rows, columns = g.shape
            plain[i] = plain[i] * (1 - 0.1 * 0.2) - 0.1 * math.sqrt(max(1, rows / columns)) * update
        optimizer.step()
    for a, b in zip(ours, plain, strict=True):
        assert (a - b).abs().max() <= 1e-5


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.no_grad()
def test_muon_is_torchs_muon_up_to_bfloat16(dtype: torch.dtype) -> None:
    ours, theirs = parameters(), parameters()
    a = Muon(ours, lr=0.1, weight_decay=0.2, momentum=0.95, dtype=dtype)
    b = torch.optim.Muon(theirs, lr=0.1, weight_decay=0.2, momentum=0.95, nesterov=True)
    for grads in gradients(5):
        for p, q, g in zip(ours, theirs, grads, strict=True):
            p.grad, q.grad = g.clone(), g.clone()
        a.step()
        b.step()
    for p, q, start in zip(ours, theirs, parameters(), strict=True):
        assert (p - q).norm() <= 0.03 * (p - start).norm()


@pytest.mark.parametrize("shape", [(5, 8, 8), (3, 32, 8), (3, 8, 32), (1, 64, 64)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    out = orthogonalise(x)
    singular = torch.linalg.svdvals(out)
    assert out.shape == x.shape
    # A square random matrix has singular values near 0, which five steps cannot lift all the way.
    strong = torch.linalg.svdvals(x) > 0.1 * torch.linalg.svdvals(x).amax(-1, keepdim=True)
    assert singular[strong].min() > 0.6
    assert singular.max() < 1.3
    assert torch.allclose(orthogonalise(1000 * x), out, atol=1e-3)


@pytest.mark.parametrize("shape", [(5, 8, 8), (3, 32, 8), (3, 8, 32), (1, 256, 256)])
def test_bfloat16_orthogonalises_as_float32_does(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    exact, rounded = orthogonalise(x), orthogonalise(x.bfloat16())
    assert rounded.dtype == torch.bfloat16
    assert (exact - rounded).norm() <= 0.03 * exact.norm()


def test_a_zero_gradient_moves_nothing() -> None:
    assert orthogonalise(torch.zeros(2, 4, 4)).abs().max() == 0


def test_parameters_without_a_gradient_stay() -> None:
    ours = parameters()
    before = [p.detach().clone() for p in ours]
    ours[0].grad = torch.ones_like(ours[0])
    Muon(ours, lr=0.1, weight_decay=0.1).step()
    assert [torch.equal(p, b) for p, b in zip(ours, before, strict=True)] == [False, True, True, True]


def test_every_parameter_has_one_optimizer(model: nn.Module) -> None:
    for kind in ("muon", "adamw"):
        optimizers = build_optimizers(
            model,
            kind=kind,
            learning_rate=1e-3,
            matrix_lr=0.02,
            weight_decay=0.3,
            betas=(0.9, 0.95),
        )
        taken = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
        assert sorted(taken) == sorted(id(p) for p in model.parameters())
        for o in optimizers:
            for g in o.param_groups:
                decays = isinstance(o, Muon) if kind == "muon" else g["params"][0].ndim >= 2
                assert g["weight_decay"] == (0.3 if decays else 0)


def test_hidden_matrices_are_those_of_attention_and_mlp(tiny: Callable[..., nn.Module]) -> None:
    names = {n for n, p in tiny("gpt", n_layer=1, bias=True).named_parameters() if is_hidden_matrix(n, p)}
    assert names == {f"transformer.h.0.{n}.weight" for n in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")}
    attention = {n for n, p in tiny("self_attention").named_parameters() if is_hidden_matrix(n, p)}
    assert attention == {"attn.c_attn.weight", "attn.c_proj.weight"}


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_the_rate_rises_holds_and_falls(shape: str) -> None:
    rates = [schedule(s, 100, shape=shape, warmup_iters=10, cooldown=0.6, floor=0.1) for s in range(101)]
    assert rates[:10] == pytest.approx([(s + 1) / 10 for s in range(10)])
    assert rates[10] == pytest.approx(1)
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.1)
    assert rates[70] == pytest.approx(0.55 if shape == "linear" else 0.1 + 0.9 * 0.25)
    assert (rates[40] == pytest.approx(1)) == (shape == "linear")


def test_no_warm_up_and_no_cooldown() -> None:
    assert schedule(0, 10, shape="linear", warmup_iters=0, cooldown=0, floor=0) == 1
    assert schedule(9, 10, shape="linear", warmup_iters=0, cooldown=0, floor=0) == 1
    assert schedule(0, 10, shape="linear", warmup_iters=0, cooldown=1, floor=0) == 1


@torch.no_grad()
def test_the_average_is_slow_only_when_it_is_old(tiny: Callable[..., nn.Module]) -> None:
    model = tiny("bigram")
    average = Average(model, 0.99)
    start = average.weights["table.weight"].clone()
    model.get_parameter("table.weight").add_(1)
    average.update(model, 0)
    assert torch.allclose(average.weights["table.weight"], start + 0.9)
    average.weights["table.weight"].copy_(start)
    average.update(model, 10_000)
    assert torch.allclose(average.weights["table.weight"], start + 0.01, atol=1e-6)
