"""How fast generation is, against what the machine allows.

Knows the engine and the models' contract; measures, and judges nothing.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nanogpt.device import describe
from nanogpt.engine import generate
from nanogpt.sampling import SamplingParams


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def rate(work: Callable[[], int]) -> float:
    """Units of work a second, for one call that returns how many units it did."""
    began = time.perf_counter()
    done = work()
    return done / (time.perf_counter() - began)


def memory_bandwidth() -> float:
    """Bytes a second that one thread reads from memory: the best of a few sums over 256 MB."""
    block = torch.ones(64_000_000)
    return max(rate(lambda: int(block.sum() * 0) + block.numel() * block.element_size()) for _ in range(5))


def bench_generation(model: nn.Module, *, rounds: int = 5, characters: int = 128) -> dict[str, Any]:
    """Characters a second with the window full, cached and uncached in turn, on one thread.

    `characters` are at most half a window, so that the cached run pays its share of re-reading the window:
    a window of block_size is re-read every block_size / 2 characters, and the run starts on a full one.
    The floor is the time to read every weight and the held keys and values once a character.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        block_size: int = model.config.block_size  # type: ignore[union-attr, assignment]
        prompt = torch.randint(
            model.config.vocab_size, (block_size,), generator=torch.Generator().manual_seed(0)  # type: ignore[union-attr, arg-type]
        ).tolist()  # fmt: skip

        def run(count: int, cached: bool) -> int:
            params = SamplingParams(temperature=0.8, max_new_tokens=count)
            return sum(1 for _ in generate(model, prompt, params, cached=cached))

        slow = max(8, characters // 8)  # an uncached character costs a whole window, so fewer of them are timed
        run(slow, True), run(4, False)  # warm up
        cached, uncached = [], []
        for _ in range(rounds):
            cached.append(rate(lambda: run(characters, True)))
            uncached.append(rate(lambda: run(slow, False)))
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
        cache = model.new_cache(1)  # type: ignore[operator]
        held = (cache.key.nbytes + cache.value.nbytes) * 3 // 4 if cache else 0  # on average 3/4 of a window
        bandwidth = memory_bandwidth()
    finally:
        torch.set_num_threads(threads)
    fast = median(cached)
    return {
        "cached_chars_per_s": fast,
        "uncached_chars_per_s": median(uncached),
        "speedup": median([c / u for c, u in zip(cached, uncached, strict=True)]),
        "bytes_per_char": weights + held,
        "achieved_gb_per_s": fast * (weights + held) / 1e9,
        "memory_gb_per_s": bandwidth / 1e9,
        "floor_fraction": fast * (weights + held) / bandwidth,
        "block_size": block_size,
        "machine": describe(),
    }
