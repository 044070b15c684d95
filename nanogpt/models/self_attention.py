"""One layer of attention and nothing else: it shows how much attention does on its own.

Token and position embeddings, one layer of causal multi-head attention with its residual, a norm, and the
scores. No MLP and no depth: the step between the n-grams and the GPT.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from nanogpt.checks import check_fields
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import KVCache
from nanogpt.models.layers import CausalSelfAttention, LayerNorm
from nanogpt.models.ranges import size


@dataclass(frozen=True)
class SelfAttentionConfig:
    vocab_size: int = size("vocab_size")
    block_size: int = size("block_size", 256)
    n_head: int = size("n_head", 4)
    n_embd: int = size("n_embd", 128)
    dropout: float = size("dropout", 0.0)
    bias: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd must be a multiple of n_head; got {self.n_embd} and {self.n_head}.")


class SelfAttention(LanguageModel):
    config: SelfAttentionConfig

    def __init__(self, config: SelfAttentionConfig):
        super().__init__()
        self.config = config
        C = config.n_embd
        self.wte = nn.Embedding(config.vocab_size, C)
        self.wpe = nn.Embedding(config.block_size, C)
        self.attn = CausalSelfAttention(C, config.n_head, config.block_size, bias=config.bias, dropout=config.dropout)
        self.ln_f = LayerNorm(C, config.bias)
        self.lm_head = nn.Linear(C, config.vocab_size, bias=False)
        nn.init.normal_(self.wte.weight, std=0.5)
        nn.init.normal_(self.wpe.weight, std=0.5)
        nn.init.zeros_(self.lm_head.weight)

    def forward(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor:
        """idx (B, T) → logits (B, T, V), or after the last `rows` characters only."""
        position: slice | Tensor = slice(idx.size(1))
        if cache is not None:
            cache.begin(idx)
            position = cache.position
        x = self.wte(idx) + self.wpe.weight[position]  # (B, T, C)
        x = x + self.attn(x, cache)
        if cache is not None:
            cache.advance(idx.size(1))
        return self.lm_head(self.ln_f(x[:, -rows:]))

    def new_cache(self, batch_size: int) -> KVCache:
        c, weight = self.config, next(self.parameters())
        return KVCache(
            1, batch_size, c.n_head, c.block_size, c.n_embd // c.n_head, dtype=weight.dtype, device=weight.device
        )
