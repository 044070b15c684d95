"""The contract, over the table of models."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import KVCache


def test_every_model_keeps_the_contract(model: LanguageModel) -> None:
    assert isinstance(model, LanguageModel)
    assert (model.block_size, model.vocab_size) == (model.config.block_size, model.config.vocab_size)
    assert model.vocab_size == 11
    assert model.device == torch.device("cpu")


def test_a_cache_is_empty_and_holds_a_window(model: LanguageModel) -> None:
    cache = model.new_cache(3)
    if cache is not None:
        assert isinstance(cache, KVCache)
        assert (cache.lengths, cache.ids.shape) == ([0] * 3, (3, model.block_size))


@pytest.mark.parametrize("variant", ["bigram", "trigram", "mlp"])
@torch.no_grad()
def test_what_reads_any_length_sees_its_own_context_at_each_character(
    variant: str, tiny: Callable[..., LanguageModel]
) -> None:
    model = tiny(variant)
    assert model.any_length
    idx = torch.randint(11, (1, 40), generator=torch.Generator().manual_seed(0))
    for t in range(model.block_size, 40):
        expected = model(idx[:, t + 1 - model.block_size : t + 1])[0, -1]
        torch.testing.assert_close(model(idx)[0, t], expected)


@pytest.mark.parametrize(("name", "sight"), [("bigram", 1), ("trigram", 2), ("mlp", 5)])
def test_a_short_context_ends_where_it_says(name: str, sight: int, tiny: Callable[..., LanguageModel]) -> None:
    model = tiny(name)
    assert model.block_size == sight
    a, b = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]])
    a[8 - sight :] = b[8 - sight :]
    assert torch.equal(model(a[None])[0, -1], model(b[None])[0, -1])
    b[8 - sight] = 0
    assert not torch.equal(model(a[None])[0, -1], model(b[None])[0, -1])


def test_a_model_without_a_forward_says_so() -> None:
    class Empty(LanguageModel):
        pass

    with pytest.raises(NotImplementedError):
        Empty()(torch.zeros(1, 1, dtype=torch.long))
    assert Empty().new_cache(1) is None
    assert issubclass(LanguageModel, nn.Module)
