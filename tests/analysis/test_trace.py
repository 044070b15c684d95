"""A trace holds all that is needed to draw its text once more."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict

import pytest

from nanogpt.analysis.score import BITS, char_nats
from nanogpt.analysis.trace import trace
from nanogpt.generation.continuation import generate
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel

SETTINGS = {"temperature": 0.9, "top_k": 6, "top_p": 0.9, "max_new_tokens": 20, "seed": 5}


@pytest.mark.parametrize("kind", ["bigram", "trigram", "mlp", "self_attention", "gpt"])
def test_a_trace_is_of_the_text_that_generate_writes(kind: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(kind)
    told = trace(loaded, "abc", **SETTINGS)
    assert told["text"] == generate(loaded, "abc", **SETTINGS) == "".join(step["char"] for step in told["steps"])
    assert {name: told[name] for name in SETTINGS} == asdict(SamplingParams(**SETTINGS))
    assert json.loads(json.dumps(told)) == told
    nats = char_nats(loaded.model, loaded.tokenizer.encode("abc"), loaded.tokenizer.encode(told["text"]))
    assert [step["bits"] for step in told["steps"]] == pytest.approx((nats * BITS).tolist(), abs=1e-4)


def test_each_choice_follows_from_its_numbers(text_model: Callable[..., TextModel]) -> None:
    """The largest of ln(kept) + noise: whoever reads the file can check every character."""
    told = trace(text_model("gpt"), "abc", **SETTINGS)
    for step in told["steps"]:
        sums = [
            math.log(kept) + noise if kept else -math.inf
            for kept, noise in zip(step["kept"], step["noise"], strict=True)
        ]
        assert told["vocabulary"][sums.index(max(sums))] == step["char"]
        assert sum(step["p"]) == pytest.approx(1, abs=1e-4)
        assert sum(step["kept"]) == pytest.approx(1, abs=1e-4)


def test_notices_are_told_and_warned_of(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    with pytest.warns(UserWarning, match=r"U\+0058") as warned:
        told = trace(loaded, "aX", max_new_tokens=2)
    assert told["notices"] == [str(w.message) for w in warned]
    assert trace(loaded, loaded.read_prompt("aX"), max_new_tokens=2) == told


def test_a_setting_out_of_range_is_refused(text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match="Seed must be"):
        trace(text_model("gpt"), "a", seed=-1)
