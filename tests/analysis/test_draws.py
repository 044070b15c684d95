"""The draws of a whole text are those of its characters, one by one."""

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from nanogpt.analysis.alternatives import alternatives, probability_of, rank_of
from nanogpt.analysis.draws import LIKELIEST, Draws, draws_of, prompt_logits, read_logits
from nanogpt.analysis.trace import trace
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams, gumbel_noise
from nanogpt.generation.text_model import TextModel
from nanogpt.text.tokenizer import CharTokenizer

PROMPT = "abcdefghijabc"  # longer than the window of the small models
SETTINGS: list[dict[str, Any]] = [
    {"temperature": 0.9, "top_k": 6, "top_p": 0.9}, {"temperature": 1, "seed": 4}, {"temperature": 0}
]  # fmt: skip


def written(model: TextModel, params: SamplingParams, others: list[TextModel]) -> tuple[str, Draws]:
    steps = list(generate_steps(model.model, model.read_prompt(PROMPT).ids, params))
    ids = [step.id for step in steps]
    text = model.tokenizer.decode(ids)
    noise = gumbel_noise(params.seed, params.max_new_tokens, model.tokenizer.vocab_size)
    read = [(other, read_logits(other, PROMPT, text)) for other in others]
    return text, draws_of(model, torch.stack([step.logits for step in steps]), ids, params, noise, read)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("kind", ["bigram", "mlp", "gpt"])
def test_each_row_holds_the_numbers_of_alternatives_and_trace(
    kind: str, settings: dict[str, Any], text_model: Callable[..., TextModel]
) -> None:
    """Past the window, for the likeliest characters in their order and for the one that was written."""
    model, other = text_model(kind), text_model("trigram", 3)
    params = SamplingParams(**settings, max_new_tokens=20)
    text, draws = written(model, params, [other])
    steps = trace(model, PROMPT, **asdict(params))["steps"]
    chars = model.tokenizer.chars
    assert draws.noise is not None
    for t, char in enumerate(text):
        rows = alternatives(model, PROMPT, text[:t], **asdict(params))
        shown = [chars[id] for id in draws.ids[t]]
        assert shown == [*(row.char for row in rows[:LIKELIEST]), char]
        assert draws.rank[t] == rank_of(rows, char)
        by_char = {row.char: row for row in rows}
        for name in ("raw", "tempered", "kept"):
            expected = [getattr(by_char[c], name) for c in shown]
            assert getattr(draws, name)[t].exp().tolist() == pytest.approx(expected, abs=1e-5), name
        assert draws.noise[t].tolist() == pytest.approx([steps[t]["noise"][i] for i in draws.ids[t]], abs=1e-6)
        theirs = probability_of(other, PROMPT, text[:t])
        assert draws.others[0, t].exp().tolist() == pytest.approx([theirs[c] for c in shown], abs=1e-6)


@pytest.mark.parametrize("settings", SETTINGS[:2], ids=str)
def test_the_largest_sum_was_written(settings: dict[str, Any], text_model: Callable[..., TextModel]) -> None:
    for seed in range(5):
        _, draws = written(text_model("gpt"), SamplingParams(**{**settings, "seed": seed}, max_new_tokens=40), [])
        assert draws.noise is not None
        sums = torch.where(draws.kept.isfinite(), draws.tempered + draws.noise, -math.inf)
        assert torch.equal(sums.amax(-1), sums[:, -1])


def test_at_temperature_0_all_probability_is_the_likeliest_s(text_model: Callable[..., TextModel]) -> None:
    _, draws = written(text_model("gpt"), SamplingParams(temperature=0, max_new_tokens=9), [])
    for logs in (draws.tempered, draws.kept):
        assert logs.exp().tolist() == [[1.0] + [0.0] * (LIKELIEST - 1) + [1.0]] * 9
    assert draws.rank.tolist() == [1] * 9


@pytest.mark.parametrize("prompt", ["a", "abc", PROMPT * 2])
def test_the_characters_of_a_prompt_are_read_as_a_text_after_the_first(
    prompt: str, text_model: Callable[..., TextModel]
) -> None:
    model = text_model("gpt")
    rows = prompt_logits(model, prompt).double().softmax(-1)
    assert len(rows) == len(prompt)
    for t in range(len(prompt)):
        before = probability_of(model, "\n" if t == 0 else prompt[:1], prompt[1:t])
        assert rows[t].tolist() == pytest.approx(list(before.values()), abs=1e-6)


def test_an_empty_prompt_has_no_rows(text_model: Callable[..., TextModel]) -> None:
    assert prompt_logits(text_model("gpt"), "").shape == (0, 11)


@pytest.mark.parametrize("text", ["abxcdx", "xabc", "xxxx", "abcd"])
def test_a_judge_of_another_vocabulary_reads_what_it_knows(text: str, text_model: Callable[..., TextModel]) -> None:
    judge, model = text_model("gpt"), text_model("bigram")
    wider = TextModel("wider", Path(), model.model, CharTokenizer("x" + "".join(model.tokenizer.chars[1:])), 1)
    rows = read_logits(judge, "ax", text)
    for t in range(len(text)):
        expected = probability_of(judge, judge.read_prompt("ax"), text[:t].replace("x", ""))
        assert rows[t].double().softmax(-1).tolist() == pytest.approx(list(expected.values()), abs=1e-6)
    ids = wider.tokenizer.encode(text)
    logits = read_logits(wider, "ax", text)
    draws = draws_of(wider, logits, ids, SamplingParams(), None, [(judge, rows)])
    assert draws.noise is None
    unknown = draws.ids == wider.tokenizer.ids["x"]
    assert torch.equal(draws.others[0].isneginf(), unknown)


def test_a_small_vocabulary_is_shown_whole(text_model: Callable[..., TextModel]) -> None:
    model = text_model("bigram", vocab_size=5)
    draws = draws_of(model, torch.randn(3, 5), [4, 0, 1], SamplingParams())
    assert draws.ids.shape == draws.raw.shape == (3, 6)
    assert draws.raw[:, :5].exp().sum(-1).tolist() == pytest.approx([1.0] * 3)
