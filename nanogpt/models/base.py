"""The contract of every model: ids in, logits out.

Loss, sampling, optimisation and files are not its business.
"""

from typing import TYPE_CHECKING, ClassVar, Protocol

import torch
from torch import Tensor, nn

from nanogpt.models.kv_cache import KVCache


class ModelConfig(Protocol):
    """What is known of every model's config."""

    @property
    def block_size(self) -> int:
        """How many characters the model reads."""

    @property
    def vocab_size(self) -> int:
        """How many characters it knows."""


class LanguageModel(nn.Module):
    """A model of the next character. Subclasses set `config` and define `forward`.

    A model that keeps what it has read in a `KVCache` also defines `new_cache`. A model without one is given its last
    `block_size` characters again for each new character; that slow path is the reference for the cached one.
    """

    config: ModelConfig
    any_length: ClassVar[bool] = False  # reads a window of any length, each character seeing its own context

    def forward(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor:
        """idx (B, T) → logits (B, T, V), or after the last `rows` characters only.

        With a cache, idx follows the characters that the cache holds.
        """
        raise NotImplementedError

    if TYPE_CHECKING:  # torch types the call of a module as Any

        def __call__(self, idx: Tensor, cache: KVCache | None = None, rows: int = 0) -> Tensor: ...

    def new_cache(self, batch_size: int) -> KVCache | None:
        """An empty cache for this many texts, or None where a few characters are cheap to read again."""
        return None

    @property
    def block_size(self) -> int:
        return self.config.block_size

    @property
    def vocab_size(self) -> int:
        return self.config.vocab_size

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device
