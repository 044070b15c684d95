"""What nanoGPT writes: its weights under its names, and its arithmetic written down in the plainest way."""

import math

import torch
from torch import Tensor

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
