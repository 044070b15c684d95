"""The GPT: a stack of blocks, each an attention layer and an MLP, over a residual stream.

With learned positions, GELU and no `qk_norm` it computes exactly nanoGPT's function under nanoGPT's parameter
names (https://github.com/karpathy/nanoGPT, model.py). The other options are later findings that lower the
loss at this size; each is one field of the config.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nanogpt.checks import check_fields, option
from nanogpt.models.base import LanguageModel
from nanogpt.models.functions import dropout
from nanogpt.models.kv_cache import KVCache
from nanogpt.models.layers import ACTIVATIONS, Block, ContextMLP, LayerNorm
from nanogpt.models.ranges import size


@dataclass(frozen=True)
class GPTConfig:
    vocab_size: int = size("vocab_size")
    block_size: int = size("block_size", 256)
    n_layer: int = size("n_layer", 6)
    n_head: int = size("n_head", 4)
    n_embd: int = size("n_embd", 256)
    dropout: float = size("dropout", 0.0)
    bias: bool = False
    # learned: a vector for each position; rope: queries and keys rotated by their position
    position: str = option("rope", choices=("learned", "rope"))
    activation: str = option("relu2", choices=tuple(ACTIVATIONS))
    qk_norm: bool = True
    tie_weights: bool = False
    # characters read at each position: with 1 only its own, with more also those before it, through an MLP
    n_context: int = size("n_context", 1)
    n_vector: int = size("n_vector", 24)  # size of a character's vector in that MLP
    zero_init: bool = True  # output projections and head start at zero: each block begins as the identity

    def __post_init__(self) -> None:
        check_fields(self)
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd must be a multiple of n_head; got {self.n_embd} and {self.n_head}.")
        if self.position == "rope" and (self.n_embd // self.n_head) % 2:
            raise ValueError(f"rope turns pairs, so n_embd / n_head must be even; got {self.n_embd // self.n_head}.")


class GPT(LanguageModel):
    config: GPTConfig
    gradient_checkpointing = False  # in training, keep only each block's input, and compute the block again

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        c = config
        parts: dict[str, nn.Module] = {"wte": nn.Embedding(c.vocab_size, c.n_embd)}
        if c.position == "learned":
            parts["wpe"] = nn.Embedding(c.block_size, c.n_embd)
        if c.n_context > 1:  # so no head has to search for the characters just before
            parts["context"] = ContextMLP(c.vocab_size, c.n_context, c.n_vector, [2 * c.n_embd, 2 * c.n_embd, c.n_embd])
        parts["h"] = nn.ModuleList(
            Block(
                c.n_embd,
                c.n_head,
                c.block_size,
                layer=layer,
                bias=c.bias,
                dropout=c.dropout,
                rotary=c.position == "rope",
                qk_norm=c.qk_norm,
                activation=c.activation,
            )
            for layer in range(c.n_layer)
        )
        parts["ln_f"] = LayerNorm(c.n_embd, c.bias)
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = nn.Linear(c.n_embd, c.vocab_size, bias=False)
        if c.tie_weights:
            self.lm_head.weight = self.transformer["wte"].weight  # type: ignore[assignment]
        self._init_weights()

    @torch.no_grad()
    def _init_weights(self) -> None:
        """nanoGPT's normal(0, 0.02), projections into the residual stream narrower by √(2 n_layer); or zeros there.

        With `zero_init` only the embedding writes into the residual stream at first, so its weights start larger.
        """
        c = self.config
        for name, p in self.named_parameters():
            if ".context." in name:
                continue
            if p.ndim < 2:
                nn.init.zeros_(p) if name.endswith("bias") else nn.init.ones_(p)
            elif name.endswith("c_proj.weight"):
                nn.init.zeros_(p) if c.zero_init else nn.init.normal_(p, std=0.02 / math.sqrt(2 * c.n_layer))
            elif name == "lm_head.weight" and c.zero_init:
                nn.init.zeros_(p)
            elif ".wte." in name and c.zero_init and not c.tie_weights:
                nn.init.normal_(p, std=0.5)
            else:
                nn.init.normal_(p, std=0.02)

    def forward(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor:
        """idx (B, T) → logits (B, T, V), or after the last `rows` characters only.

        With a cache, idx follows the characters that the cache holds.
        """
        t = self.transformer
        position: slice | Tensor = slice(idx.size(1))
        seen = idx
        if cache is not None:
            cache.begin(idx)
            position = cache.position
            seen = cache.context(self.config.n_context - 1)
        x = t["wte"](idx)  # (B, T, C)
        if "context" in t:
            x = x + t["context"](seen, rows=idx.size(1))
        if "wpe" in t:
            x = x + t["wpe"].weight[position]  # type: ignore[index]  # a tensor
        if x.is_cpu and torch.is_autocast_enabled("cpu"):  # as what the blocks add: half the bytes to read and write
            x = x.to(torch.get_autocast_dtype("cpu"))
        x = dropout(x, self.config.dropout) if self.training else x
        for block in t["h"]:  # type: ignore[attr-defined]  # a ModuleList
            recompute = self.gradient_checkpointing and self.training
            x = checkpoint(block, x, use_reentrant=False) if recompute else block(x, cache)
        if cache is not None:
            cache.advance(idx.size(1))
        return self.lm_head(t["ln_f"](x[:, -rows:]))

    def new_cache(self, batch_size: int) -> KVCache:
        c, weight = self.config, next(self.parameters())
        return KVCache(
            c.n_layer,
            batch_size,
            c.n_head,
            c.block_size,
            c.n_embd // c.n_head,
            dtype=weight.dtype,
            device=weight.device,
        )
