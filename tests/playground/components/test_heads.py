"""What the view of all heads is given to draw."""

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from blocks import in_blocks
from server import CHECKPOINTS

import nanogpt
from nanogpt.analysis.attention import attention
from nanogpt.playground.components.heads import exact_head, heads, heads_message, heads_value

CHARS = "First Citizen:"


def softmaxed(*shape: int, seed: int = 0) -> np.ndarray:
    """Random weights of that shape whose rows sum to 1, with zeros above the diagonal."""
    scores = np.tril(np.exp(3 * np.random.default_rng(seed).normal(size=shape)))
    return scores / scores.sum(-1, keepdims=True)


def value(**changed: Any) -> dict[str, Any]:
    T = len(CHARS)
    patterns, norms = softmaxed(2, 3, T, T), np.random.default_rng(1).uniform(0, 3, (2, 3, T))
    return heads_value(**{"chars": CHARS, "patterns": patterns, "norms": norms, **changed})


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))


def floats(text: str) -> np.ndarray:
    """The lowest byte of each number, then the next, and so on."""
    return np.ascontiguousarray(np.frombuffer(unpacked(text), np.uint8).reshape(4, -1).T).view("<f4").ravel()


def test_all_heads_come_back_within_half_a_step_of_their_roots() -> None:
    patterns = softmaxed(2, 3, len(CHARS), len(CHARS))
    sent = json.loads(json.dumps(value(patterns=patterns)))
    maps = np.frombuffer(unpacked(sent["maps"]), np.uint8).reshape(2, 3, -1)
    rows, columns = np.tril_indices(len(CHARS))
    assert np.abs(maps - 255 * np.sqrt(patterns[..., rows, columns])).max() <= 0.501
    assert (sent["layers"], sent["heads"], sent["chars"]) == (2, 3, "".join(CHARS))


def test_the_selected_head_comes_back_to_four_digits_row_after_row() -> None:
    patterns = softmaxed(2, 3, len(CHARS), len(CHARS), seed=2)
    sent = value(patterns=patterns, selected=(2, 1))
    assert (sent["exact"]["layer"], sent["exact"]["head"], sent["selected"]) == (2, 1, [2, 1])
    expected = patterns[1, 0][np.tril_indices(len(CHARS))]
    np.testing.assert_allclose(floats(sent["exact"]["weights"]), expected, rtol=2**-16)


def test_zero_and_one_stay_exact() -> None:
    np.testing.assert_array_equal(floats(exact_head(1, 1, [[1, 0], [0, 1]])["weights"]), [1, 0, 1])


def test_norms_come_back() -> None:
    norms = np.random.default_rng(3).uniform(0, 9, (2, 3, len(CHARS)))
    norms[0, 1] = 0  # a head that is off
    np.testing.assert_allclose(floats(value(norms=norms)["norms"]).reshape(norms.shape), norms, rtol=2**-16)


def test_words_and_parts_that_are_off() -> None:
    words = [["a", "b", "<b>"], ["", "d", "e"]]
    sent = value(words=words, details=words, off=["1.3", "2.mlp", "9.9"], title="All", subtitle="14 characters")
    about = json.loads(sent["about"])
    assert (about["words"], about["details"], sent["off"]) == (words, words, ["1.3"])
    assert (sent["title"], sent["subtitle"], sent["message"]) == ("All", "14 characters", "")


def test_named_patterns_and_their_shares() -> None:
    named = [("previous", "the previous character"), ("<b>", "<i>")]
    shares = [[[(0.5, 0.1), (0.25, 1 / 3)]] * 3] * 2
    sent = json.loads(json.dumps(value(patterns_named=named, shares=shares)))
    about = json.loads(sent["about"])
    assert about["patterns"] == [list(pair) for pair in named]
    assert np.array_equal(about["shares"], shares)  # every digit
    assert np.shape(about["shares"]) == (2, 3, 2, 2)
    nothing = json.loads(value()["about"])
    assert (nothing["patterns"], nothing["shares"]) == ([], [])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"patterns": softmaxed(2, 3, 5, 5)}, r"patterns must have the shape \(layers, heads, 14, 14\)"),
        ({"patterns": softmaxed(14, 14)}, "patterns must have the shape"),
        ({"norms": np.zeros((2, 3))}, r"norms must have the shape \(2, 3, 14\)"),
        ({"norms": np.full((2, 3, 14), np.nan)}, "norms must be finite"),
        ({"norms": np.full((2, 3, 14), -1.0)}, "norms must be finite"),
        ({"patterns": np.full((2, 3, 14, 14), np.nan)}, "Weights must be from 0 to 1"),
        ({"patterns": np.full((2, 3, 14, 14), 1.1)}, "Weights must be from 0 to 1"),
        ({"selected": (3, 1)}, "selected must be a layer of 1 … 2 and a head of 1 … 3"),
        ({"selected": (1, 0)}, "selected must be a layer"),
        ({"words": [["a", "b"]]}, "words must hold 3 items for each of 2 layers"),
    ],
)  # fmt: skip
def test_what_does_not_agree_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        value(**changed)


def test_a_pattern_must_be_square() -> None:
    with pytest.raises(ValueError, match=r"pattern must have the shape \(T, T\); got \(2, 3\)"):
        exact_head(1, 1, np.zeros((2, 3)))


def test_a_message_stands_in_place_of_heads() -> None:
    assert heads_message("No attention.") == {"chars": "", "layers": 0, "heads": 0, "message": "No attention."}


def test_the_view_belongs_to_a_group() -> None:
    assert in_blocks(lambda: heads("an_id", "A label")).props == {"group": "inside", "exact": None}


def test_twenty_heads_of_a_full_context_fit_the_wire() -> None:
    """690 kB hold all heads in eight bits, one of them exactly, and the norms; another exact head is 120 kB more."""
    model = nanogpt.load(CHECKPOINTS / "gpt")
    text = nanogpt.generate(model, "ROMEO:\n", max_new_tokens=model.block_size, temperature=0.8, seed=1)
    patterns = attention(model, text).numpy()
    T = patterns.shape[-1]
    assert patterns.shape == (5, 4, 256, 256)
    sent = heads_value(text, patterns, np.random.default_rng(0).uniform(0.1, 3, (5, 4, T)), selected=(5, 3))
    assert len(json.dumps(sent)) <= 690_000
    assert len(json.dumps(sent["exact"])) <= 120_000
