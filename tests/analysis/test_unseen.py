"""Every figure is measured on the same windows, and on characters with a long context only."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nanogpt.analysis.score import evaluation_window
from nanogpt.analysis.unseen import check_vocabulary, counted, first_counted, rounded, unseen_bits, unseen_windows
from nanogpt.generation.reader import Reader
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.text.corpus import load_corpus


def test_windows_are_evenly_spread_over_the_validation_text(text_file: Path) -> None:
    corpus = load_corpus(text_file, 0.25)
    rows = unseen_windows(corpus, 16)
    assert rows.shape == (64, 17)
    assert torch.equal(rows, unseen_windows(corpus, 16))
    last = len(corpus.val) - 17
    for i, row in enumerate(rows):
        start = int(last * i / 63)
        assert torch.equal(row, corpus.val[start : start + 17])
    assert torch.equal(rows[-1], corpus.val[-17:])


def test_a_text_as_long_as_a_window_is_enough(text_file: Path) -> None:
    corpus = load_corpus(text_file, 0.25)
    window = len(corpus.val) - 1
    assert torch.equal(unseen_windows(corpus, window), corpus.val.expand(64, -1))
    with pytest.raises(ValueError, match=rf"has {window + 1:,} characters; a window takes {window + 2:,}\."):
        unseen_windows(corpus, window + 1)


@pytest.mark.parametrize("context", [0, 1, 3, 4, 8, 100])
def test_bits_are_the_naive_mean(model: LanguageModel, context: int) -> None:
    """Read character by character, as generation reads, and counted from the middle of each window."""
    window = min(evaluation_window(model), 12)
    rows = torch.randint(11, (3, window + 1), generator=torch.Generator().manual_seed(0))
    bits = []
    for row in rows.tolist():
        reader = Reader(model, cached=False, context=context)
        reader.add([])
        for position, id in enumerate(row[:-1]):
            reader.extend(0, [id])
            logits = reader.read()[0]
            if position >= window // 2:
                bits.append(-logits.double().log_softmax(-1)[row[position + 1]].item() / math.log(2))
    assert counted(rows) == len(bits)
    assert unseen_bits(model, rows, context) == pytest.approx(sum(bits) / len(bits), abs=1e-5)


@pytest.mark.parametrize(("window", "first", "count"), [(1, 0, 1), (2, 1, 1), (5, 2, 3), (256, 128, 128)])
def test_the_last_half_counts(window: int, first: int, count: int) -> None:
    assert first_counted(window) == first
    assert counted(torch.zeros(7, window + 1)) == 7 * count


def test_six_digits_are_kept() -> None:
    assert [rounded(x) for x in (1.23456789, -0.000123456789, 0.0)] == [1.23457, -0.000123457, 0.0]


def test_the_vocabulary_must_be_that_of_the_corpus(text_file: Path, text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match="gpt was trained on another vocabulary than that of text.txt"):
        check_vocabulary(text_model("gpt"), load_corpus(text_file))
