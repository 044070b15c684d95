"""The MLP: the next character depends on the last eight, each a small vector, thought over by a network.

Bengio et al., "A neural probabilistic language model" (JMLR 3, 2003), with today's norms and activation. A table for
eight characters would need V⁸ rows; here similar characters share what is learnt of them, and the context costs no
more than its length. What it cannot do is look further back, or at a place that depends on what stands there.
"""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from nanogpt import checks
from nanogpt.kv_cache import KVCache
from nanogpt.layers import LayerNorm, relu_squared


@dataclass(frozen=True)
class WindowMLPConfig:
    vocab_size: int
    n_context: int = 8  # characters that it sees
    n_vector: int = 24  # numbers that stand for a character
    n_layer: int = 3  # hidden layers
    n_embd: int = 256  # their width

    def __post_init__(self) -> None:
        checks.settle(
            self,
            vocab_size=checks.whole("vocab_size", self.vocab_size, 1, 4096),
            n_context=checks.whole("n_context", self.n_context, 1, 64),
            n_vector=checks.whole("n_vector", self.n_vector, 1, 512),
            n_layer=checks.whole("n_layer", self.n_layer, 1, 48),
            n_embd=checks.whole("n_embd", self.n_embd, 1, 4096),
        )

    @property
    def block_size(self) -> int:
        """How many characters it sees."""
        return self.n_context


class WindowMLP(nn.Module):
    any_length = True  # no positions: `forward` reads a window of any length, each character seeing its own context

    def __init__(self, config: WindowMLPConfig):
        super().__init__()
        self.config = config
        widths = [config.n_context * config.n_vector] + [config.n_embd] * config.n_layer
        self.wte = nn.Embedding(config.vocab_size, config.n_vector)
        self.norm = nn.ModuleList(LayerNorm(n, bias=False) for n in widths)
        self.mlp = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(widths))
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        nn.init.zeros_(self.lm_head.weight)

    def forward(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor:
        """idx (B, T) → logits (B, T, V), or after the last `rows` characters only.

        Before the first character stands id 0, in prose the newline.
        """
        n = self.config.n_context
        seen = F.pad(idx, (n - 1, 0)).unfold(1, n, 1)[:, -rows:]  # (B, T or rows, n_context)
        x = self.wte(seen).flatten(2)
        for norm, layer in zip(self.norm, self.mlp, strict=False):
            x = relu_squared(layer(norm(x)))
        return self.lm_head(self.norm[-1](x))

    def new_cache(self, batch_size: int) -> None:
        """A few characters are cheap to read again."""
        return None
