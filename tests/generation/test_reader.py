"""Reading: cached is uncached, and the window follows its rule."""

import itertools

import pytest
import torch
from torch import Tensor

from nanogpt.analysis.score import next_logits
from nanogpt.generation.reader import Reader
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import window_start


@torch.no_grad()
def logits_by_definition(model: LanguageModel, ids: list[int], context: int = 0) -> Tensor:
    """(n, V): after each prefix, what the model says of the window that the rule gives it."""
    rows = []
    for n in range(1, len(ids) + 1):
        sight = min(context or model.block_size, model.block_size)
        start = max(0, n - sight) if model.any_length else window_start(n, sight)
        rows.append(model(torch.tensor([ids[start:n]]))[0, -1])
    return torch.stack(rows)


@pytest.mark.parametrize("cached", [True, False])
def test_every_split_gives_the_logits_of_the_definition(model: LanguageModel, ids: list[int], cached: bool) -> None:
    """At every position, wherever the prompt ends, and five windows on."""
    expected = logits_by_definition(model, ids)
    for split in range(1, len(ids) if cached else 3):
        reader = Reader(model, cached=cached)
        logits = [reader.feed([ids[:split]])[0, -1]]
        logits += [reader.feed([[id]])[0, -1] for id in ids[split:]]
        assert (torch.stack(logits) - expected[split - 1 :]).abs().max() <= 1e-4


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("context", [1, 2, 3, 5, 8, 100])
def test_a_context_is_a_smaller_window(model: LanguageModel, ids: list[int], context: int, cached: bool) -> None:
    expected = logits_by_definition(model, ids, context)
    reader = Reader(model, cached=cached, context=context)
    logits = torch.stack([reader.feed([[id]])[0, -1] for id in ids])
    assert (logits - expected).abs().max() <= 1e-4
    assert (next_logits(model, ids, context) - expected).abs().max() <= 1e-4
    if context >= model.block_size:
        assert torch.equal(next_logits(model, ids, context), next_logits(model, ids))


def test_text_may_come_in_pieces(model: LanguageModel, ids: list[int]) -> None:
    expected = logits_by_definition(model, ids)
    for a, b in itertools.combinations(range(1, len(ids), 3), 2):
        reader = Reader(model)
        for piece in (ids[:a], ids[a:b], ids[b:]):
            last = reader.feed([piece])[0, -1]
        assert (last - expected[-1]).abs().max() <= 1e-4


def test_rows_of_a_batch_do_not_meet(model: LanguageModel, ids: list[int]) -> None:
    rows = torch.tensor([ids[i : i + 20] for i in (0, 7, 20)])
    together, alone = Reader(model, batch_size=3), [Reader(model) for _ in rows]
    for t in range(20):
        logits = together.feed(rows[:, t : t + 1])
        for i, reader in enumerate(alone):
            assert (logits[i] - reader.feed([[int(rows[i, t])]])[0]).abs().max() <= 1e-4


def test_reordered_rows_go_on_as_copies(model: LanguageModel, ids: list[int]) -> None:
    rows = torch.tensor([ids[:6], ids[6:12]])
    reader = Reader(model, batch_size=2)
    reader.feed(rows)
    reader.reorder(torch.tensor([1, 1]))
    for id in ids[12:20]:  # over the end of the window
        a, b = reader.feed([[id], [id]])[:, -1]
        assert torch.equal(a, b)
    assert (a - logits_by_definition(model, ids[6:12] + ids[12:20])[-1]).abs().max() <= 1e-4


def test_what_was_forgotten_leaves_no_trace(model: LanguageModel, ids: list[int]) -> None:
    expected = logits_by_definition(model, ids)
    reader = Reader(model)
    reader.feed([ids[:3]])
    for n, id in enumerate(ids[3:], 3):
        wrong = min(2, reader.room(0))
        if wrong:
            reader.feed([ids[:wrong]])
        reader.forget(wrong)
        assert (reader.feed([[id]])[0, -1] - expected[n]).abs().max() <= 1e-4
