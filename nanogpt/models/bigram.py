"""The bigram: the next character depends on the last one only.

A table of V × V scores, one row for each last character. It is the simplest language model there is, and
counting pairs in the training text would give the same table; here it is learned like every other model.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from nanogpt.checks import check_fields, option
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import KVCache


@dataclass(frozen=True)
class BigramConfig:
    vocab_size: int = option(low=1, high=4096)  # the table holds V² numbers

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def block_size(self) -> int:
        """How many characters it reads."""
        return 1


class Bigram(LanguageModel):
    config: BigramConfig
    any_length = True  # it has no positions

    def __init__(self, config: BigramConfig):
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.vocab_size, config.vocab_size)
        nn.init.zeros_(self.table.weight)  # before training every next character is as likely as any other

    def forward(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor:
        """idx (B, T) → logits (B, T, V), or after the last `rows` characters only."""
        return self.table(idx[:, -rows:])
