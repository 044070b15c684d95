"""What the machine can do."""

import pytest
import torch

from nanogpt.device import autocast, describe, pick_device, pick_dtype

CPU = torch.device("cpu")


def test_auto_takes_something_that_works() -> None:
    device = pick_device()
    assert torch.ones(2, device=device).sum().item() == 2
    dtype = pick_dtype("auto", device)
    assert dtype in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:99", "cpu;", "../cpu"])
def test_a_device_that_is_not_here_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be used here"):
        pick_device(name)


def test_a_named_type_is_taken_at_its_word() -> None:
    assert pick_dtype("bfloat16", CPU) == torch.bfloat16
    with autocast(CPU, torch.bfloat16):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with autocast(CPU, torch.float32):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_the_machine_in_words() -> None:
    assert f"torch {torch.__version__}" in describe()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is named instead")
@pytest.mark.parametrize("best", ["amx_tile", "avx512_bf16", "avx512", "avx2"])
def test_a_processor_s_best_units_are_named_and_choose_the_type(best: str, monkeypatch: pytest.MonkeyPatch) -> None:
    units = ["amx_tile", "avx512_bf16", "avx512", "avx2"]
    for unit in units:
        supported = units.index(unit) >= units.index(best)
        monkeypatch.setattr(torch.cpu, f"_is_{unit}_supported", lambda supported=supported: supported)
    assert {"amx_tile": "(AMX)", "avx512_bf16": "(AVX512-BF16)"}.get(best, f"({best.upper()})") in describe()
    native = best in ("amx_tile", "avx512_bf16")
    assert pick_dtype("auto", CPU) == (torch.bfloat16 if native else torch.float32)
