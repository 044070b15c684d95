"""Our GPT against nanoGPT's arithmetic, written down once more in the plainest way."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

import nanogpt

N_LAYER, N_HEAD, C, T, V = 3, 4, 32, 16, 11
Weights = dict[str, Tensor]


def nanogpt_weights(bias: bool) -> Weights:
    """Random weights under the names and in the shapes of nanoGPT's state dict, its tied head twice."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"transformer.wte.weight": (V, C), "transformer.wpe.weight": (T, C)}
    for i in range(N_LAYER):
        h = f"transformer.h.{i}"
        shapes |= {
            f"{h}.ln_1.weight": (C,),
            f"{h}.attn.c_attn.weight": (3 * C, C),
            f"{h}.attn.c_proj.weight": (C, C),
            f"{h}.ln_2.weight": (C,),
            f"{h}.mlp.c_fc.weight": (4 * C, C),
            f"{h}.mlp.c_proj.weight": (C, 4 * C),
        }
    shapes["transformer.ln_f.weight"] = (C,)
    if bias:
        linear_and_norm = [n for n in shapes if ".wte." not in n and ".wpe." not in n]
        shapes |= {n.removesuffix("weight") + "bias": shapes[n][:1] for n in linear_and_norm}
    weights = {name: 0.2 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    return {**weights, "lm_head.weight": weights["transformer.wte.weight"].clone()}


def nanogpt_logits(w: Weights, idx: Tensor) -> Tensor:
    """karpathy/nanoGPT's model.py in arithmetic alone; idx (T,) → (T, V)."""

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", torch.zeros(1))

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / torch.sqrt(centred.square().mean(-1, keepdim=True) + 1e-5)
        return scaled * w[f"{name}.weight"] + w.get(f"{name}.bias", torch.zeros(1))

    n = len(idx)
    x = w["transformer.wte.weight"][idx] + w["transformer.wpe.weight"][:n]
    for i in range(N_LAYER):
        h = f"transformer.h.{i}"
        q, k, v = linear(norm(x, f"{h}.ln_1"), f"{h}.attn.c_attn").split(C, dim=-1)
        heads = []
        for head in range(N_HEAD):
            part = slice(head * C // N_HEAD, (head + 1) * C // N_HEAD)
            scores = q[:, part] @ k[:, part].T / math.sqrt(C // N_HEAD)
            scores = scores.masked_fill(torch.ones(n, n).triu(1) == 1, -math.inf)
            heads.append(scores.exp() / scores.exp().sum(-1, keepdim=True) @ v[:, part])
        x = x + linear(torch.cat(heads, dim=-1), f"{h}.attn.c_proj")
        inner = linear(norm(x, f"{h}.ln_2"), f"{h}.mlp.c_fc")
        x = x + linear(0.5 * inner * (1 + torch.erf(inner / math.sqrt(2))), f"{h}.mlp.c_proj")
    return norm(x, "transformer.ln_f") @ w["lm_head.weight"].T


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
