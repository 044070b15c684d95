"""Fixed buffers, and the rule of the window."""

import pytest
import torch

from nanogpt.models.kv_cache import KVCache, window_batches, window_start


@pytest.mark.parametrize("block_size", range(1, 10))
def test_window_holds_more_than_half_a_block(block_size: int) -> None:
    starts = [window_start(length, block_size) for length in range(1, 60)]
    for length, start in enumerate(starts, 1):
        assert length - start <= block_size
        assert length - start >= min(length, max(1, block_size // 2))
    assert starts == sorted(starts)
    assert starts[:block_size] == [0] * block_size


def test_the_last_half_is_kept() -> None:
    assert [window_start(n, 8) for n in (8, 9, 12, 13, 16, 17)] == [0, 4, 4, 8, 8, 12]


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 40])
@pytest.mark.parametrize("block_size", [1, 2, 5, 8])
def test_batches_hold_each_character_once_in_its_own_window(
    length: int, block_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanogpt.models.kv_cache.MOST_AT_ONCE", 3 * block_size)
    text = torch.arange(100, 100 + length)
    read = []
    for starts, skipped, batch in window_batches(text, block_size):
        assert batch.numel() <= 3 * block_size
        for start, window in zip(starts.tolist(), batch.tolist(), strict=True):
            assert window == list(range(100 + start, 100 + start + len(window)))
            assert all(start == window_start(char - 99, block_size) for char in window[skipped:])
            read += window[skipped:]
    assert read == text.tolist()


def test_what_was_stored_comes_back() -> None:
    cache = KVCache(2, 1, 1, 4, 3)
    k, v = torch.randn(2, 1, 1, 4, 3, generator=torch.Generator().manual_seed(0))
    cache.append(1, k[:, :, :3], v[:, :, :3])
    cache.advance(torch.tensor([[5, 6, 7]]))
    assert cache.ids[0, :3].tolist() == [5, 6, 7]
    keys, values = cache.append(1, k[:, :, 3:], v[:, :, 3:])
    assert torch.equal(keys, k)
    assert torch.equal(values, v)
    with pytest.raises(AssertionError, match="cache holds 4"):
        cache.append(1, k[:, :, :2], v[:, :, :2])
    cache.forget(3)
    assert cache.length == 0
