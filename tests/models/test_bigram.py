"""The bigram reads one character."""

from collections.abc import Callable

import pytest
import torch

from nanogpt.models.base import LanguageModel
from nanogpt.models.bigram import BigramConfig


@torch.no_grad()
def test_only_the_last_character_counts(tiny: Callable[..., LanguageModel]) -> None:
    """However far it stands in the text."""
    model = tiny("bigram")
    logits = model(torch.tensor([[3, 5, 5, 3, 9, 5]]))[0]
    assert torch.equal(logits[1], logits[2])
    assert torch.equal(logits[1], logits[5])
    assert not torch.equal(logits[0], logits[1])


def test_its_table_has_a_row_for_each_character(tiny: Callable[..., LanguageModel]) -> None:
    model = tiny("bigram")
    assert {name: tuple(p.shape) for name, p in model.named_parameters()} == {"table.weight": (11, 11)}
    assert BigramConfig(11).block_size == 1


def test_a_table_that_would_fill_the_memory_is_refused() -> None:
    """A table of 65,536² numbers takes 17 GB."""
    with pytest.raises(ValueError, match=r"^vocab_size must be a whole number from 1 to 4,096; got 65536\.$"):
        BigramConfig(65_536)
