"""Training batches: a function of the seed and the number of the batch."""

import pytest
import torch

from nanogpt.text.corpus import DataError
from nanogpt.training.windows import Windows


@pytest.mark.parametrize("seed", [1, 2])
def test_an_epoch_visits_windows_that_do_not_meet(seed: int) -> None:
    windows = Windows(torch.arange(1000), 16, seed)
    for epoch in range(3):
        seen = torch.cat(
            [windows.batch(epoch * windows.per_epoch + i, 1)[0] for i in range(windows.per_epoch)]
        ).flatten()
        assert len(set(seen.tolist())) == len(seen)  # ids are their own places here
        assert len(seen) >= 1000 - 2 * 16


def test_a_batch_depends_on_its_number_only() -> None:
    one, other = (Windows(torch.arange(500), 8, seed=1) for _ in range(2))
    expected = [one.batch(n, 6) for n in range(100)]
    for n in (99, 0, 50, 3):
        x, y = other.batch(n, 6)
        assert torch.equal(x, expected[n][0])
        assert torch.equal(y, expected[n][1])
        assert torch.equal(y, x + 1)  # the target is the next character
        assert x.shape == (6, 8)
    assert not torch.equal(Windows(torch.arange(500), 8, seed=2).batch(0, 6)[0], expected[0][0])


def test_two_small_batches_are_one_large() -> None:
    windows = Windows(torch.arange(500), 8, seed=1)
    halves = torch.cat((windows.batch(6, 4)[0], windows.batch(7, 4)[0]))
    assert torch.equal(halves, windows.batch(3, 8)[0])


def test_a_text_shorter_than_two_windows() -> None:
    with pytest.raises(DataError, match="has 31 characters; windows of block_size 16 need at least 32"):
        Windows(torch.zeros(31, dtype=torch.long), 16, 1)
    Windows(torch.zeros(32, dtype=torch.long), 16, 1).batch(5, 3)
