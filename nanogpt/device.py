"""The device, the number format and the other abilities of this machine. Nothing is chosen at import."""

import ctypes
import os
import platform
from contextlib import AbstractContextManager, nullcontext

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; `auto` prefers CUDA, then Apple's MPS, then the CPU.

    Raises ValueError if this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device {name!r} cannot be used here: {str(error).splitlines()[0]}") from error
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """The number format of that name; `auto` is bfloat16 if the hardware multiplies in it, else float32.

    A CPU without AMX and AVX512-BF16 emulates bfloat16, which was measured to be 10 times slower than float32.
    """
    if name != "auto":
        return DTYPES[name]
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported()
    else:
        native = device.type == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return torch.bfloat16 if native else torch.float32


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """A context in which matrix products are computed in `dtype`; for float32, it changes nothing."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype)


def deterministic(on: bool) -> None:
    """Restrict torch to operations that give the same bits every time, or lift that restriction."""
    if on:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS requires it before its first use
    torch.use_deterministic_algorithms(on)


def keep_memory() -> None:
    """Let this process keep the memory that it frees, for its next tensors (mallopt of glibc; elsewhere, nothing).

    A training step, like each batch of an evaluation, frees large blocks and needs the next one the same. By default
    glibc returns them to the system, which gives them back page by page, filled with zeros: on a CPU that took from a
    twentieth to a third of the time.
    """
    trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD, M_MMAP_MAX of malloc.h
    mallopt = getattr(ctypes.pythonapi, "mallopt", None)  # found through the libraries that this process has loaded
    if mallopt:
        mallopt(trim_threshold, 2**31 - 1)
        mallopt(mmap_max, 0)


def describe() -> str:
    """The machine in a few words, for cards and benchmarks: processor, its fastest units, threads, torch's version."""
    if torch.cuda.is_available():
        chip = torch.cuda.get_device_name()
    else:
        units = {
            "AMX": torch.cpu._is_amx_tile_supported,
            "AVX512-BF16": torch.cpu._is_avx512_bf16_supported,
            "AVX512": torch.cpu._is_avx512_supported,
            "AVX2": torch.cpu._is_avx2_supported,
        }
        best = next((f" ({name})" for name, supported in units.items() if supported()), "")
        chip = _cpu_name() + best
    return f"{chip}, {torch.get_num_threads()} of {os.cpu_count()} threads, torch {torch.__version__}"


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
