"""The trigram: the next character depends on the last two.

A table of V² × V scores, one row for each pair. One more character of context makes the table V times as large: this is
why counting does not scale, and why other models are needed.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from nanogpt.checks import check_fields, option
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import KVCache


@dataclass(frozen=True)
class TrigramConfig:
    vocab_size: int = option(low=1, high=256)  # the table holds V³ numbers

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def block_size(self) -> int:
        """How many characters it reads."""
        return 2


class Trigram(LanguageModel):
    config: TrigramConfig
    any_length = True  # it has no positions

    def __init__(self, config: TrigramConfig):
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.vocab_size**2, config.vocab_size)
        nn.init.zeros_(self.table.weight)

    def forward(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor:
        """idx (B, T) → logits (B, T, V), or after the last `rows` characters only.

        Positions before the first character are filled with id 0, the newline in ordinary text.
        """
        before = F.pad(idx, (1, 0))[:, :-1]  # (B, T), idx moved one to the right
        return self.table((before * self.config.vocab_size + idx)[:, -rows:])
