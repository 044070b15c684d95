"""The speed of generation and of training, beside what the machine could do.

Knows generation, the optimizer and the models' contract.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from nanogpt.device import autocast, describe, pick_dtype
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams, choose, gumbel_noise
from nanogpt.models import build_model
from nanogpt.models.base import LanguageModel
from nanogpt.models.gpt import GPTConfig
from nanogpt.models.packed import PackedLinear
from nanogpt.training.optimizer import build_optimizers


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


def bench_generation(model: LanguageModel, draft: LanguageModel | None = None, *, rounds: int = 7) -> dict[str, Any]:
    """Characters a second past a full window on one thread: cached, cached with a draft, and uncached, in turn.

    Cached is `generate_steps` over block_size / 2 characters, one of which reads the window's last half again.
    Uncached is nanoGPT's `generate`: the last block_size characters are read again for each new one. The lower bound
    of the time for a character is that of reading every weight, and the cached keys and values, once from memory.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        count = max(1, model.block_size // 2)
        # The model writes the prompt itself: what a draft saves depends on how well it can guess the text.
        prompt = [step.id for step in generate_steps(model, [0], SamplingParams(max_new_tokens=model.block_size))]
        params = SamplingParams(temperature=0.8, max_new_tokens=count + 1)
        noise = gumbel_noise(params.seed, count, model.vocab_size)

        def cached_rate(draft: LanguageModel | None = None) -> float:
            steps = generate_steps(model, prompt, params, draft=draft)
            next(steps)  # reading the prompt is not timed
            return rate(lambda: sum(1 for _ in steps))

        @torch.inference_mode()
        def slide(characters: int) -> int:
            ids = torch.tensor(prompt)
            for t in range(characters):
                new = choose(model(ids[None, -model.block_size :])[0, -1], params, noise[t])
                ids = torch.cat((ids, torch.tensor([new])))
            return characters

        few = min(count, 8)  # an uncached character costs a whole window, so fewer of them are timed
        cached_rate(draft), slide(1)  # warm up
        rows = [(cached_rate(), cached_rate(draft), rate(partial(slide, few))) for _ in range(rounds)]
        packed = (m for m in model.modules() if isinstance(m, PackedLinear))
        weights = sum(p.nbytes for p in model.parameters()) + sum(m.nbytes for m in packed)
        cache = model.new_cache(1)
        row = sum(t.nbytes // t.size(2) for t in (*cache.key, *cache.value)) if cache else 0  # of one character
        held = row * model.block_size * 3 // 4  # on average 3/4 of a window
        bandwidth = memory_bandwidth()
    finally:
        torch.set_num_threads(threads)
    cached, drafted, uncached = (median(list(column)) for column in zip(*rows, strict=True))
    return {
        "cached_chars_per_s": cached,
        **({"drafted_chars_per_s": drafted} if draft is not None else {}),
        "uncached_chars_per_s": uncached,
        "speedup": median([c / u for c, _, u in rows]),
        "bytes_per_char": weights + held,
        "achieved_gb_per_s": cached * (weights + held) / 1e9,
        "memory_gb_per_s": bandwidth / 1e9,
        "floor_fraction": cached * (weights + held) / bandwidth,
        "block_size": model.block_size,
        "machine": describe(),
    }


def matmul_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Floating-point operations a second of a matrix product of a training step's size: the best of a few."""
    a, b = torch.randn(4096, 384, device=device, dtype=dtype), torch.randn(384, 1536, device=device, dtype=dtype)

    def products() -> int:
        for _ in range(4):
            (a @ b).sum().item()
        return 4 * 2 * 4096 * 384 * 1536

    return max(rate(products) for _ in range(5))


def _training_step(
    model: LanguageModel, optimizers: list[torch.optim.Optimizer], idx: Tensor, dtype: torch.dtype
) -> int:
    """One step on idx (B, T + 1); returns how many characters it was trained on."""
    with autocast(idx.device, dtype):
        loss = F.cross_entropy(model(idx[:, :-1]).flatten(0, 1), idx[:, 1:].flatten())
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    loss.item()  # waits for the device
    return idx[:, 1:].numel()


# nanoGPT's own size for this corpus.
SIX_BY_384 = GPTConfig(vocab_size=65, n_layer=6, n_head=6, n_embd=384, block_size=256, dropout=0.1)


def bench_training(
    device: torch.device, config: GPTConfig = SIX_BY_384, *, steps: int = 3, batch_size: int = 16
) -> dict[str, Any]:
    """Tokens a second of whole training steps: forward, backward, Muon and AdamW.

    In float32 and, where `--dtype auto` picks another type, in that; a type that it does not pick is many times
    slower. The work of a token is counted as nanoGPT counts it: 6 N for the weights and 12 · n_layer · n_embd · T for
    attention (arXiv:2204.02311 App. B).
    """
    result: dict[str, Any] = {}
    for dtype in dict.fromkeys((torch.float32, pick_dtype("auto", device))):
        model = build_model(config).to(device).train()
        optimizers = build_optimizers(
            model,
            kind="muon",
            learning_rate=3e-3,
            matrix_lr=0.035,
            weight_decay=0.5,
            betas=(0.9, 0.95),
            dtype=dtype,
        )
        idx = torch.randint(config.vocab_size, (batch_size, config.block_size + 1), device=device)
        name = str(dtype)[6:]
        step = partial(_training_step, model, optimizers, idx, dtype)
        rates = [rate(step) for _ in tqdm(range(steps + 1), f"steps in {name}", disable=None, leave=False)]
        tokens_per_s = median(rates[1:])  # the first warms up
        parameters = sum(p.numel() for p in model.parameters())
        per_token = 6 * parameters + 12 * config.n_layer * config.n_embd * config.block_size
        peak = matmul_rate(dtype, device)
        result |= {
            f"{name}_tokens_per_s": tokens_per_s,
            f"{name}_tflop_per_s": tokens_per_s * per_token / 1e12,
            f"{name}_matmul_tflop_per_s": peak / 1e12,
            f"{name}_share_of_matmul": tokens_per_s * per_token / peak,
            f"{name}_speedup": tokens_per_s / result.get("float32_tokens_per_s", tokens_per_s),
        }
    return {**result, "dtype_auto": name, "machine": describe()}
