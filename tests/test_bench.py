"""Benchmarks: that they run, on any machine, and that their figures belong together. How fast is not asked here."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from nanogpt import bench
from nanogpt.models.gpt import GPTConfig

TINY = GPTConfig(vocab_size=11, n_layer=1, n_head=2, n_embd=16, block_size=8)


@pytest.mark.parametrize("drafted", [False, True])
def test_generation(drafted: bool, tiny: Callable[..., nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "memory_bandwidth", lambda: 1e10)
    threads = torch.get_num_threads()
    model = tiny("gpt")
    result = bench.bench_generation(model, tiny("mlp") if drafted else None, rounds=1)
    assert torch.get_num_threads() == threads
    assert result["cached_chars_per_s"] > 0
    assert result["speedup"] == pytest.approx(result["cached_chars_per_s"] / result["uncached_chars_per_s"])
    weights = 4 * sum(p.numel() for p in model.parameters())
    held = 4 * 2 * 2 * 16 * 8 * 3 // 4  # keys and values, layers, width, three quarters of a window of 8
    assert result["bytes_per_char"] == weights + held
    assert result["floor_fraction"] == pytest.approx(result["cached_chars_per_s"] * (weights + held) / 1e10)


@pytest.mark.parametrize("native", [torch.float32, torch.bfloat16])
def test_training(native: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, and in what --dtype auto would take, if that is another."""
    monkeypatch.setattr(bench, "pick_dtype", lambda name, device: native)
    monkeypatch.setattr(bench, "matmul_rate", lambda dtype, device: 1e9)
    with torch.random.fork_rng():
        result: dict[str, Any] = bench.bench_training(torch.device("cpu"), TINY, steps=1, batch_size=2)
    names = {"float32", str(native)[6:]}
    assert {key.removesuffix("_tokens_per_s") for key in result if key.endswith("_tokens_per_s")} == names
    assert result["dtype_auto"] == str(native)[6:]
    parameters = 11 * 16 * 2 + 12 * 16 * 16 + 3 * 16
    for name in names:
        work = result[f"{name}_tokens_per_s"] * (6 * parameters + 12 * 16 * 8)
        assert result[f"{name}_tflop_per_s"] == pytest.approx(work / 1e12)
        assert result[f"{name}_share_of_matmul"] == pytest.approx(work / 1e9)
        assert result[f"{name}_speedup"] == result[f"{name}_tokens_per_s"] / result["float32_tokens_per_s"]


def test_a_matrix_product_is_counted() -> None:
    assert bench.matmul_rate(torch.float32, torch.device("cpu")) > 0
