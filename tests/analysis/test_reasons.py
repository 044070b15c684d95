"""Votes and lens at all positions at once are those of each position."""

from collections.abc import Callable

import pytest
import torch

from nanogpt.analysis.lens import lens
from nanogpt.analysis.reasons import reasons_of
from nanogpt.analysis.votes import votes
from nanogpt.generation.text_model import TextModel

TEXT = "abc\ndefg"


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("variant", ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"])
def test_each_position_is_told_alike(variant: str, context: int, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(variant)
    chars = loaded.tokenizer.chars
    found = reasons_of(loaded, loaded.tokenizer.encode(TEXT), context)
    assert loaded.tokenizer.decode(found.ids.tolist()) == TEXT
    for p in range(len(TEXT)):
        one = votes(loaded, TEXT, p, context=context)
        assert (chars[int(found.next[p])], chars[int(found.rival[p])]) == (one.next, one.rival)
        assert found.difference[p].item() == one.difference
        assert dict(zip(found.sources, found.votes[p].tolist(), strict=True)) == one.parts
        for row, guess in enumerate(lens(loaded, TEXT, p, context=context)):
            assert found.after[row] == guess.after
            assert chars[int(found.guess[p, row])] == guess.char
            assert (found.guess_p[p, row].item(), found.next_p[p, row].item()) == (guess.p, guess.next_p)


def test_the_types_are_those_of_a_page(text_model: Callable[..., TextModel]) -> None:
    found = reasons_of(text_model("gpt"), [1, 2, 3])
    assert {found.ids.dtype, found.next.dtype, found.rival.dtype, found.guess.dtype} == {torch.int64}
    assert {found.difference.dtype, found.votes.dtype, found.guess_p.dtype, found.next_p.dtype} == {torch.float32}
