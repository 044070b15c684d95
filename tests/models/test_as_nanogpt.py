"""Our GPT against nanoGPT's arithmetic."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from written_by_nanogpt import N_HEAD, N_LAYER, C, T, V, Weights, nanogpt_logits, nanogpt_weights

import nanogpt


def write_folder(folder: Path, weights: Weights, bias: bool) -> Path:
    """What somebody makes by hand out of nanoGPT's ckpt.pt: weights as they are, and a config without digests."""
    folder.mkdir()
    safetensors.torch.save_file(weights, folder / "model.safetensors")
    config = {
        "vocab_size": V, "block_size": T, "n_layer": N_LAYER, "n_head": N_HEAD, "n_embd": C, "bias": bias,
        "position": "learned", "activation": "gelu", "qk_norm": False, "tie_weights": True,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps({"model": "gpt", "config": config}))
    (folder / "tokenizer.json").write_text(json.dumps({"type": "char", "chars": list("abcdefghijk")}))
    return folder


@pytest.mark.parametrize("bias", [False, True])
@torch.no_grad()
def test_a_nanogpt_state_dict_loads_and_gives_the_same_logits(bias: bool, tmp_path: Path) -> None:
    weights = nanogpt_weights(bias)
    model, _ = nanogpt.load(write_folder(tmp_path / "made-by-hand", weights, bias))
    for length in (1, 7, T):
        idx = torch.randint(V, (length,), generator=torch.Generator().manual_seed(length))
        expected = nanogpt_logits(weights, idx)
        assert (model(idx[None])[0] - expected).abs().max() <= 1e-5
        assert expected.std() > 0.2


@pytest.mark.parametrize("bias", [False, True])
def test_parameter_names(bias: bool, tiny: Callable[..., nn.Module]) -> None:
    model = tiny("gpt-as-nanogpt", n_layer=N_LAYER, bias=bias)
    assert set(model.state_dict()) == set(nanogpt_weights(bias))
