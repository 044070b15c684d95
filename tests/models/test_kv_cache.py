"""Fixed buffers, and the rule of the window."""

import pytest
import torch
from torch import Tensor

from nanogpt.models.kv_cache import FEW, KVCache, window_batches, window_start


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


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def reading(cache: KVCache, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One forward pass of a single layer over all texts; q, k, v (B, n_head, T, head_dim)."""
    cache.begin(torch.ones(q.size(0), q.size(2), dtype=torch.long))
    y = cache.attend(0, q, k, v, 0.5)
    cache.advance(q.size(2))
    return y


def exact(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """What the last query sees, by the formula."""
    return ((q[:, :, -1:] * 0.5) @ k.transpose(-2, -1)).softmax(-1) @ v


@pytest.mark.parametrize("parts", [[1] * 40, [40], [3, 8, 1, 9, 12, 7], [30, 8, 2]])
def test_each_query_sees_all_up_to_itself(parts: list[int]) -> None:
    q, k, v = numbers(3, 2, 3, 40, 4)
    cache = KVCache(1, 2, 3, 40, 4)
    for some in zip(*(x.split(parts, dim=2) for x in (q, k, v)), strict=True):
        y = reading(cache, *some)
        for t in range(y.size(2)):
            n = cache.lengths[0] - y.size(2) + t + 1
            assert (y[:, :, t : t + 1] - exact(*(x[:, :, :n] for x in (q, k, v)))).abs().max() <= 1e-5
    with pytest.raises(AssertionError, match="cache holds 40 characters, asked for 41"):
        cache.begin(torch.ones(2, 1, dtype=torch.long))


def test_few_are_read_as_if_each_were_read_alone() -> None:
    """To the bit: alone, several at once, and beside longer texts. Without it a text would depend on its company."""
    q, k, v = numbers(3, 1, 2, 100, 64)
    alone, few = KVCache(1, 1, 2, 100, 64), KVCache(1, 1, 2, 100, 64)
    crowd = KVCache(1, 3, 2, 100, 64)
    crowd.lengths = [0, 37, 60]
    for first in range(0, 40, FEW):
        some = [x[:, :, first : first + FEW] for x in (q, k, v)]
        together = reading(few, *some)
        for t in range(FEW):
            one = [x[:, :, t : t + 1] for x in some]
            expected = reading(alone, *one)
            beside = reading(crowd, *(x.expand(3, -1, -1, -1) for x in one))[:1]
            for y in (together[:, :, t : t + 1], beside):
                assert (y - expected).abs().max() <= 1e-6
                if y.is_cpu and "avx" in torch.backends.cpu.get_cpu_capability().lower():
                    assert torch.equal(y, expected)


def test_ids_before_those_that_are_read() -> None:
    cache = KVCache(1, 2, 1, 8, 2)
    cache.begin(torch.tensor([[5, 6, 7], [1, 2, 3]]))
    assert cache.context(2).tolist() == [[5, 6, 7], [1, 2, 3]]
    cache.advance(3)
    cache.lengths[1] = 1
    cache.begin(torch.tensor([[8], [9]]))
    assert cache.context(2).tolist() == [[6, 7, 8], [0, 1, 9]]


def test_texts_come_and_go() -> None:
    q, k, v = numbers(3, 1, 2, 20, 4)
    cache = KVCache(1, 1, 2, 20, 4)
    for n in (3, 9, 14):
        if cache.lengths[-1]:
            cache.add()
        last = len(cache.lengths) - 1
        one = cache.texts(last, last + 1)
        reading(one, *(x[:, :, :n] for x in (q, k, v)))
        cache.lengths[last] = one.lengths[0]
    assert cache.lengths == [3, 9, 14]
    cache.remove(0)
    assert cache.lengths == [14, 9]
    y = reading(cache, *(torch.cat([x[:, :, n : n + 1] for n in (14, 9)]) for x in (q, k, v)))
    for row, n in enumerate((15, 10)):
        assert (y[row : row + 1] - exact(*(x[:, :, :n] for x in (q, k, v)))).abs().max() <= 1e-5
    cache.forget(3)
    assert cache.lengths == [12, 7]


def test_what_stood_in_a_free_place_is_not_seen() -> None:
    q, k, v = numbers(3, 1, 2, 20, 4)
    clean, used = KVCache(1, 1, 2, 20, 4), KVCache(1, 1, 2, 20, 4)
    for held in (*used.key, *used.value):
        held.fill_(1e30)
    for t in range(20):
        one = [x[:, :, t : t + 1] for x in (q, k, v)]
        assert torch.equal(reading(clean, *one), reading(used, *one))
