"""Which character follows, against which rival, and what cannot be looked into."""

from collections.abc import Callable

import pytest
import torch

from nanogpt.analysis.moments import check_position, moments_of
from nanogpt.analysis.score import next_logits
from nanogpt.generation.text_model import TextModel

IDS = [1, 2, 3, 0, 4, 5]


@pytest.mark.parametrize("context", [0, 2])
def test_the_next_character_is_the_text_s_and_its_rival_the_likeliest_other(
    context: int, text_model: Callable[..., TextModel]
) -> None:
    loaded = text_model("gpt")
    moments = moments_of(loaded, IDS, context)
    logits = next_logits(loaded.model, IDS, context)
    assert moments.next.tolist() == [*IDS[1:], int(logits[-1].argmax())]
    for row, after, rival, difference in zip(
        logits, moments.next, moments.rival, moments.difference.tolist(), strict=True
    ):
        assert int(rival) == next(i for i in row.sort(descending=True).indices.tolist() if i != int(after))
        assert difference == pytest.approx((row[after] - row[rival]).item(), abs=1e-5)


def test_of_a_longer_text_the_last_characters_are_read(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    long, last = moments_of(loaded, [9, 9, *IDS, 7, 8]), moments_of(loaded, [*IDS, 7, 8])
    assert torch.equal(long.ids, last.ids)
    assert torch.equal(long.logits, last.logits)


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("bigram", r"^The Bigram has no layers: it reads only the last character\.$"),
        ("trigram", r"^The Trigram has no layers: it reads only the last 2 characters\.$"),
        ("mlp", r"^The MLP has no attention: one network reads the last 5 characters, no more\.$"),
    ],
)
def test_an_n_gram_says_what_it_does_instead(variant: str, message: str, text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match=message):
        moments_of(text_model(variant), IDS)


def test_what_is_out_of_range_is_refused(text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match="no character that the model knows"):
        moments_of(text_model("gpt"), [])
    with pytest.raises(ValueError, match="Context must be a whole number from 0"):
        moments_of(text_model("gpt"), IDS, -1)
    with pytest.raises(ValueError, match="Position must be a whole number from -3 to 2; got 3"):
        check_position(3, 3)
    assert [check_position(p, 3) for p in (-3, -1, 0, 2)] == [0, 2, 0, 2]


def test_a_vocabulary_of_one_has_no_other_character(text_model: Callable[..., TextModel]) -> None:
    moments = moments_of(text_model("gpt", vocab_size=1), [0, 0])
    assert moments.rival.tolist() == moments.next.tolist() == [0, 0]
    assert moments.difference.tolist() == [0, 0]
