"""The MLP: the next character depends on the last eight. Each becomes a small vector; a network reads them all.

Bengio et al., "A neural probabilistic language model" (JMLR 3, 2003), with today's norms and activation. A table for
eight characters would need V⁸ rows; here similar characters share what is learnt of them, and the cost grows only
linearly with the context. It cannot look further back, and it cannot choose where to look by what is written there.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from nanogpt.checks import check_fields
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import KVCache
from nanogpt.models.layers import ContextMLP
from nanogpt.models.ranges import size


@dataclass(frozen=True)
class WindowMLPConfig:
    vocab_size: int = size("vocab_size")
    n_context: int = size("n_context", 8)  # characters that it reads
    n_vector: int = size("n_vector", 24)  # size of a character's vector
    n_layer: int = size("n_layer", 3)  # hidden layers
    n_embd: int = size("n_embd", 256)  # their width

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def block_size(self) -> int:
        """How many characters it reads."""
        return self.n_context


class WindowMLP(ContextMLP, LanguageModel):
    config: WindowMLPConfig
    any_length = True  # it has no positions

    def __init__(self, config: WindowMLPConfig):
        c = config
        super().__init__(c.vocab_size, c.n_context, c.n_vector, [c.n_embd] * c.n_layer)
        self.config = config
        self.lm_head = nn.Linear(c.n_embd, c.vocab_size, bias=False)
        nn.init.zeros_(self.lm_head.weight)

    def forward(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor:  # type: ignore[override]
        """idx (B, T) → logits (B, T, V), or after the last `rows` characters only."""
        return self.lm_head(super().forward(idx, rows))
