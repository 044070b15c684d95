"""The trigram reads two characters."""

from collections.abc import Callable

import pytest
import torch

from nanogpt.models.base import LanguageModel
from nanogpt.models.trigram import TrigramConfig


@torch.no_grad()
def test_the_last_two_characters_count_in_their_order(tiny: Callable[..., LanguageModel]) -> None:
    model = tiny("trigram")
    logits = model(torch.tensor([[1, 2, 3, 1, 2, 2, 1]]))[0]
    assert torch.equal(logits[1], logits[4])  # 1 2
    assert not torch.equal(logits[1], logits[6])  # 2 1
    assert not torch.equal(logits[1], logits[5])  # 2 2


@torch.no_grad()
def test_before_the_first_character_stands_id_0(tiny: Callable[..., LanguageModel]) -> None:
    model = tiny("trigram")
    assert torch.equal(model(torch.tensor([[7]]))[0, -1], model(torch.tensor([[0, 7]]))[0, -1])


def test_a_vocabulary_whose_table_would_not_fit_is_refused() -> None:
    assert TrigramConfig(256).block_size == 2
    with pytest.raises(ValueError, match="vocab_size must be a whole number from 1 to 256; got 257"):
        TrigramConfig(257)
