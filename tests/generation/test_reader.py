"""Reading: cached is uncached, and the window follows its rule."""

import itertools
import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nanogpt.analysis.score import next_logits
from nanogpt.generation.reader import PART, Reader
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


def reading(model: LanguageModel, *texts: list[int], cached: bool = True, context: int = 0) -> Reader:
    reader = Reader(model, cached=cached, context=context)
    for text in texts:
        reader.add(text)
    return reader


def after(reader: Reader, *ids: int) -> Tensor:
    """Each text continued by one id: the logits (B, V) that follow."""
    for row, id in enumerate(ids):
        reader.extend(row, [id])
    return reader.read()


@pytest.mark.parametrize("cached", [True, False])
def test_every_split_gives_the_logits_of_the_definition(model: LanguageModel, ids: list[int], cached: bool) -> None:
    """At every position, wherever the prompt ends, and five windows on."""
    expected = logits_by_definition(model, ids)
    for split in range(1, len(ids) if cached else 3):
        reader = reading(model, ids[:split], cached=cached)
        logits = [reader.read()[0], *(after(reader, id)[0] for id in ids[split:])]
        assert (torch.stack(logits) - expected[split - 1 :]).abs().max() <= 1e-4


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("context", [1, 2, 3, 5, 8, 100])
def test_a_context_is_a_smaller_window(model: LanguageModel, ids: list[int], context: int, cached: bool) -> None:
    expected = logits_by_definition(model, ids, context)
    reader = reading(model, [], cached=cached, context=context)
    logits = torch.stack([after(reader, id)[0] for id in ids])
    assert (logits - expected).abs().max() <= 1e-4
    assert (next_logits(model, ids, context) - expected).abs().max() <= 1e-4
    if context >= model.block_size:
        assert torch.equal(next_logits(model, ids, context), next_logits(model, ids))


def test_text_may_come_in_pieces(model: LanguageModel, ids: list[int]) -> None:
    expected = logits_by_definition(model, ids)
    for a, b in itertools.combinations(range(1, len(ids), 3), 2):
        reader = reading(model, ids[:a])
        for piece in (ids[a:b], ids[b:]):
            reader.read()
            reader.extend(0, piece)
        assert (reader.read()[0] - expected[-1]).abs().max() <= 1e-4


def test_a_long_beginning_is_read_in_parts(tiny: Callable[..., LanguageModel]) -> None:
    model = tiny("gpt", block_size=300)
    text = torch.randint(11, (290,), generator=torch.Generator().manual_seed(0)).tolist()
    reader = reading(model, text, [1])
    assert [reader.catch_up(0) for _ in range(3)] == [PART, PART, 290 - 1 - 2 * PART]
    assert (reader.behind(0), reader.behind(1)) == (0, 0)
    with torch.inference_mode():
        assert (reader.logits()[0, 0] - model(torch.tensor([text]))[0, -1]).abs().max() <= 1e-4


def test_a_text_that_is_behind_stays_as_it_is(tiny: Callable[..., LanguageModel], ids: list[int]) -> None:
    model = tiny("gpt", block_size=64)
    reader = reading(model, ids[:20], ids[20:22])
    expected = [reading(model, text).read()[0] for text in (ids[:20], [*ids[20:22], 3])]
    reader.catch_up(1)
    reader.logits()
    assert (reader.behind(0), reader.behind(1)) == (19, -1)
    reader.extend(1, [3])
    for logits, alone in zip(reader.read(), expected, strict=True):
        assert (logits - alone).abs().max() <= 1e-5


def test_texts_that_come_and_go_do_not_meet(model: LanguageModel, ids: list[int]) -> None:
    """Each has its own length and window; a place that becomes free is taken by another."""
    luck = random.Random(0)
    reader, alone, left = Reader(model), [], []
    for _ in range(120):
        if not alone or luck.random() < 0.3:
            text = luck.sample(ids, luck.randint(1, 12))
            reader.add(text)
            alone.append(reading(model, text))
            left.append(luck.randint(1, 30))
        assert len(reader.texts) == len(alone)
        logits = reader.read()
        for i, one in enumerate(alone):
            assert (logits[i] - one.read()[0]).abs().max() <= 1e-5
            id = luck.randrange(11)
            reader.extend(i, [id])
            one.extend(0, [id])
            left[i] -= 1
        for i in reversed([i for i, count in enumerate(left) if count <= 0]):
            reader.remove(i)
            for column in (alone, left):
                column[i] = column[-1]  # type: ignore[index]
                column.pop()


def test_reordered_rows_go_on_as_copies(model: LanguageModel, ids: list[int]) -> None:
    reader = reading(model, ids[:6], ids[6:12])
    reader.read()
    reader.reorder(torch.tensor([1, 1]))
    for id in ids[12:20]:  # over the end of the window
        a, b = after(reader, id, id)
        assert torch.equal(a, b)
    assert (a - logits_by_definition(model, ids[6:12] + ids[12:20])[-1]).abs().max() <= 1e-4


def test_what_was_forgotten_leaves_no_trace(model: LanguageModel, ids: list[int]) -> None:
    expected = logits_by_definition(model, ids)
    reader = reading(model, ids[:3])
    reader.read()
    for n, id in enumerate(ids[3:], 3):
        wrong = min(2, reader.room(0))
        if wrong:
            reader.extend(0, ids[:wrong])
            reader.read()
        reader.forget(0, wrong)
        assert (after(reader, id)[0] - expected[n]).abs().max() <= 1e-4
