"""The parts of a transformer: attention, MLP, block, layer norm, rotary positions; and an MLP over the last characters.

Knows tensors; knows no model, no loss and no file. Parameter names and arithmetic follow nanoGPT
(https://github.com/karpathy/nanoGPT, model.py) wherever it has the part.
Sizes: B batch, T characters, C = n_embd, n_head heads of head_dim = C / n_head.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanogpt.models.functions import dropout, relu_squared, rotate, rotated_units, unit_length
from nanogpt.models.kv_cache import KVCache


class LayerNorm(nn.Module):
    """Layer normalisation (https://arxiv.org/abs/1607.06450) with an optional bias."""

    def __init__(self, n_embd: int, bias: bool):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_embd))
        self.bias = nn.Parameter(torch.zeros(n_embd)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


def rotary_table(block_size: int, head_dim: int, base: float = 10_000.0) -> Tensor:
    """Cosines and signed sines of rotary positions, (2, block_size, head_dim); RoFormer, arXiv:2104.09864 §3.4.2."""
    frequency = base ** (-torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim)
    angle = torch.outer(torch.arange(block_size, dtype=torch.float64), frequency)  # (block_size, head_dim / 2)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((torch.cat((cos, cos), -1), torch.cat((-sin, sin), -1))).float()


def causal_mask(n_query: int, n_key: int, device: torch.device | str = "cpu") -> Tensor:
    """(n_query, n_key) booleans: may this query look at this key? The last query is aligned with the last key."""
    return torch.ones(n_query, n_key, dtype=torch.bool, device=device).tril(n_key - n_query)


def attention_weights(q: Tensor, k: Tensor, scale: float) -> Tensor:
    """How much each query looks at each key: softmax(q kᵀ · scale) under the causal mask.

    q is (B, n_head, T, head_dim), k (B, n_head, S, head_dim) with S ≥ T. Returns (B, n_head, T, S), rows
    that sum to 1. "Attention is all you need", arXiv:1706.03762 §3.2.1. The heatmap, the tests and,
    on a CPU in bfloat16, training and distillation use this matrix; everything else uses the fused kernel, which never
    stores it.
    """
    mask = causal_mask(q.size(-2), k.size(-2), q.device)
    hidden = torch.zeros_like(mask, dtype=q.dtype).masked_fill_(~mask, -math.inf)
    scores = torch.baddbmm(hidden, q.flatten(0, 1), k.flatten(0, 1).transpose(-2, -1), alpha=scale)
    return scores.softmax(dim=-1).unflatten(0, q.shape[:2])


class CausalSelfAttention(nn.Module):
    """Causal multi-head attention: a character sees itself and the characters before it.

    With `rotary`, q and k are rotated by their positions. With `qk_norm`, they are first scaled to unit length, and
    `scale` is then larger than 1/√head_dim (arXiv:2010.04245).
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        block_size: int,
        *,
        layer: int = 0,
        bias: bool = True,
        dropout: float = 0.0,
        rotary: bool = False,
        qk_norm: bool = False,
    ):
        super().__init__()
        self.n_head, self.head_dim, self.layer = n_head, n_embd // n_head, layer
        self.qk_norm, self.dropout = qk_norm, dropout
        # Products of unit vectors lie in ±1; 0.12 · √(128 · head_dim) lets a head be as sharp as it needs to be.
        self.scale = 0.12 * math.sqrt(128 * self.head_dim) if qk_norm else 1 / math.sqrt(self.head_dim)
        self.c_attn = nn.Linear(n_embd, 3 * n_embd, bias=bias)
        self.c_proj = nn.Linear(n_embd, n_embd, bias=bias)
        self.rotary: Tensor | None
        self.register_buffer("rotary", rotary_table(block_size, self.head_dim) if rotary else None, persistent=False)

    def query_key_value(self, x: Tensor, position: slice | Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """q, k, v of x (B, T, C), each (B, n_head, T, head_dim).

        `position` tells where the T characters stand: a slice, or a tensor (B, T); by default they are the first.
        """
        B, T, _ = x.shape
        heads = self.c_attn(x).view(B, T, 3, self.n_head, self.head_dim).permute(2, 0, 3, 1, 4)
        qk, v = heads.split((2, 1))  # qk (2, B, n_head, T, head_dim): q and k go through the same steps together
        at = slice(T) if position is None else position if isinstance(position, slice) else position[:, None]
        if self.qk_norm and self.rotary is not None:
            qk = rotated_units(qk, self.rotary[:, at])
        elif self.qk_norm:
            # Under autocast a norm returns float32; attention is fast only if q and k have the type of v.
            qk = unit_length(qk).to(v.dtype)
        elif self.rotary is not None:
            qk = rotate(qk, self.rotary[:, at])
        q, k = qk.unbind()
        return q, k, v[0]

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        """(B, T, C) → (B, T, C). With a cache, x is what it has begun to read."""
        B, T, C = x.shape
        q, k, v = self.query_key_value(x, cache.position if cache is not None else None)
        # Dropout is applied to the residual branch only: on the weights it would rule out the fused kernel.
        if cache is not None:
            y = cache.attend(self.layer, q, k, v, self.scale)
        elif x.is_cpu and v.dtype == torch.bfloat16:
            # Whole matrix products use a CPU's bfloat16 units better than the kernel's small blocks: 2.5 × faster.
            y = attention_weights(q, k, self.scale) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scale)
        y = self.c_proj(y.transpose(1, 2).reshape(B, T, C))
        return dropout(y, self.dropout) if self.training else y


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu2": relu_squared}


class ContextMLP(nn.Module):
    """Features of the last `n_context` characters: each becomes a vector of n_vector numbers; an MLP reads them.

    Bengio et al., "A neural probabilistic language model" (JMLR 3, 2003), with today's norms and activation. `widths`
    are the sizes of its hidden layers; the last one, normalised, is the output.
    """

    def __init__(self, vocab_size: int, n_context: int, n_vector: int, widths: Sequence[int]):
        super().__init__()
        self.n_context = n_context
        widths = [n_context * n_vector, *widths]
        self.wte = nn.Embedding(vocab_size, n_vector)
        self.norm = nn.ModuleList(LayerNorm(n, bias=False) for n in widths)
        self.mlp = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(widths))

    def forward(self, idx: Tensor, rows: int = 0) -> Tensor:
        """idx (B, T) → (B, T, C), or after the last `rows` characters only.

        Positions before the first character are filled with id 0, the newline in ordinary text.
        """
        vectors = self.wte(F.pad(idx, (self.n_context - 1, 0)))  # (B, T + n_context - 1, n_vector)
        size = vectors.size(-1)
        x = vectors.flatten(1).unfold(1, self.n_context * size, size)  # at each position its characters' in a row
        x = x[:, -rows:]
        for norm, layer in zip(self.norm, self.mlp, strict=False):
            x = relu_squared(layer(norm(x)))
        return self.norm[-1](x)


class MLP(nn.Module):
    """Two linear layers with an activation function between them, applied to each character on its own."""

    def __init__(self, n_embd: int, *, activation: str = "gelu", bias: bool = True, dropout: float = 0.0):
        super().__init__()
        self.c_fc = nn.Linear(n_embd, 4 * n_embd, bias=bias)
        self.c_proj = nn.Linear(4 * n_embd, n_embd, bias=bias)
        self.activation, self.dropout = ACTIVATIONS[activation], dropout

    def forward(self, x: Tensor) -> Tensor:
        y = self.c_proj(self.activation(self.c_fc(x)))
        return dropout(y, self.dropout) if self.training else y


class Block(nn.Module):
    """Attention, then MLP, each reading a normalised copy of the residual stream and adding to it (pre-norm)."""

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        block_size: int,
        *,
        layer: int,
        bias: bool,
        dropout: float,
        rotary: bool,
        qk_norm: bool,
        activation: str,
    ):
        super().__init__()
        self.ln_1 = LayerNorm(n_embd, bias)
        self.attn = CausalSelfAttention(
            n_embd, n_head, block_size, layer=layer, bias=bias, dropout=dropout, rotary=rotary, qk_norm=qk_norm
        )
        self.ln_2 = LayerNorm(n_embd, bias)
        self.mlp = MLP(n_embd, activation=activation, bias=bias, dropout=dropout)

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        x = x + self.attn(self.ln_1(x), cache)
        return x + self.mlp(self.ln_2(x))
