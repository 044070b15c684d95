"""The lens ends with what the model says, and before that reads the stream as the model would read its end."""

from collections.abc import Callable

import pytest
import torch

from nanogpt.analysis.lens import lens, lens_of, lens_places
from nanogpt.analysis.moments import moments_of
from nanogpt.analysis.parts import layers_of, without
from nanogpt.analysis.score import next_logits
from nanogpt.generation.text_model import TextModel

WITH_PARTS = ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"]
IDS = [1, 2, 3, 0, 4, 5, 1, 2]


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("off", ["", "1.1", "attention"])
@pytest.mark.parametrize("variant", WITH_PARTS)
def test_the_last_row_is_the_output(variant: str, off: str, context: int, text_model: Callable[..., TextModel]) -> None:
    edited = without(text_model(variant), off)
    moments = moments_of(edited, IDS, context)
    guess, guess_p, next_p = lens_of(edited.model, moments)
    assert guess.shape == guess_p.shape == next_p.shape == (len(IDS), len(lens_places(moments)))
    p = next_logits(edited.model, IDS, context).softmax(-1)
    assert torch.equal(guess[:, -1], p.argmax(-1))
    torch.testing.assert_close(guess_p[:, -1], p.max(-1).values, atol=1e-5, rtol=0)
    torch.testing.assert_close(next_p[:, -1], p[range(len(IDS)), moments.next], atol=1e-5, rtol=0)


@pytest.mark.parametrize("variant", WITH_PARTS)
def test_a_row_is_the_output_of_a_model_that_stops_there(variant: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(variant)
    moments = moments_of(loaded, IDS)
    guess, guess_p, next_p = lens_of(loaded.model, moments)
    n_layer = len(layers_of(loaded.model))
    for row, after in enumerate(lens_places(moments)):
        stopped = without(loaded, [str(i) for i in range(row + 1, n_layer + 1)])
        p = next_logits(stopped.model, IDS).softmax(-1)
        assert after == ("input" if row == 0 else str(row))
        torch.testing.assert_close(next_p[:, row], p[range(len(IDS)), moments.next], atol=1e-5, rtol=0)
        torch.testing.assert_close(guess_p[:, row], p.max(-1).values, atol=1e-5, rtol=0)
        assert torch.equal(guess[:, row], p.argmax(-1))


def test_the_lens_of_one_position(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    guess, guess_p, next_p = lens_of(loaded.model, moments_of(loaded, loaded.tokenizer.encode("abcab")))
    rows = lens(loaded, "abcab", 1)
    assert [row.after for row in rows] == ["input", "1", "2"]
    assert [row.char for row in rows] == [loaded.tokenizer.chars[i] for i in guess[1].tolist()]
    assert [row.p for row in rows] == guess_p[1].tolist()
    assert [(row.next, row.next_p) for row in rows] == [("c", p) for p in next_p[1].tolist()]
    assert lens(loaded, "abcab")[-1].next == lens(loaded, "abcab")[-1].char  # after the last the likeliest follows
    with pytest.warns(UserWarning, match="1 character outside") as warned:
        assert lens(loaded, "abXcab", 1) == rows
    assert warned[0].filename == __file__
    with pytest.raises(ValueError, match="The Trigram has no layers"):
        lens(text_model("trigram"), "abc")
