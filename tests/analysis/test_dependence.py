"""What becomes of the next character without a part is what the model without that part says in full."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import torch

from nanogpt.analysis.dependence import choices, dependence, dependence_of, luck_of
from nanogpt.analysis.moments import moments_of
from nanogpt.analysis.parts import part_names, without
from nanogpt.analysis.score import next_logits
from nanogpt.generation.continuation import generate
from nanogpt.generation.sampling import SamplingParams, choose
from nanogpt.generation.text_model import TextModel
from nanogpt.models.packed import pack

WITH_PARTS = ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"]
IDS = [1, 2, 3, 0, 4, 5, 1, 2]


def check(model: TextModel, context: int) -> None:
    found = dependence_of(model, IDS, context)
    following = moments_of(model, IDS, context).next
    assert found.parts == part_names(model.model)
    for part, next_p, choice in zip(found.parts, found.next_p, found.choice, strict=True):
        logits = next_logits(without(model, part).model, IDS, context)
        expected = logits.softmax(-1)[range(len(IDS)), following]
        torch.testing.assert_close(next_p, expected, atol=1e-5, rtol=0, msg=part)
        assert torch.equal(choice, logits.argmax(-1)), part


@pytest.mark.parametrize("context", [0, 1, 3, 8])
@pytest.mark.parametrize("variant", WITH_PARTS)
def test_each_part_off_is_the_model_without_it(
    variant: str, context: int, text_model: Callable[..., TextModel]
) -> None:
    check(text_model(variant), context)


@pytest.mark.parametrize("off", ["1.1", "1.mlp 2.2", "attention", "mlps", "1"])
def test_what_is_off_already_stays_off(off: str, text_model: Callable[..., TextModel]) -> None:
    check(without(text_model("gpt-as-nanogpt"), off), 0)


@pytest.mark.parametrize("values", [{"n_head": 1}, {"n_head": 4, "n_layer": 3}, {"n_layer": 1}])
def test_other_shapes(values: dict[str, Any], text_model: Callable[..., TextModel]) -> None:
    check(text_model("gpt-as-nanogpt", **values), 0)


def test_a_few_parts_at_a_time_are_all_parts(
    text_model: Callable[..., TextModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanogpt.analysis.dependence.MOST_AT_ONCE", 1)
    check(text_model("gpt"), 0)


def test_packed_layers(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt", n_embd=384, n_head=2)
    loaded.model.bfloat16().float()
    pack(loaded.model)
    found = dependence_of(loaded, IDS)
    for part, next_p in zip(found.parts, found.next_p, strict=True):
        p = next_logits(without(loaded, part).model, IDS).softmax(-1)
        torch.testing.assert_close(next_p, p[range(8), moments_of(loaded, IDS).next], atol=1e-4, rtol=0, msg=part)


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 1.5, "top_k": 4, "seed": 7}, {"top_p": 0.7}, {"temperature": 0}]
)
@pytest.mark.parametrize("context", [0, 3])
def test_with_the_luck_of_a_run_what_is_written_is_what_the_run_wrote(
    context: int, settings: dict[str, Any], text_model: Callable[..., TextModel]
) -> None:
    """A part that is off already changes nothing; so without it the run is written as it was."""
    params = SamplingParams(max_new_tokens=5, **settings)
    edited = without(text_model("gpt"), "2.1")
    written = generate(edited, "abc", context=context, **vars(params))
    ids = edited.tokenizer.encode("abc" + written)
    noise = luck_of(params, 3, len(ids), edited.model.vocab_size)
    found = dependence_of(edited, ids, context, params=params, noise=noise)
    own = found.choice[found.parts.index("2.1")]
    assert edited.tokenizer.decode(own[2:-1].tolist()) == written
    assert torch.equal(own[:2], next_logits(edited.model, ids, context)[:2].argmax(-1))  # where nothing was drawn
    without_head = next_logits(without(edited, "1.1").model, ids, context)
    assert found.choice[0].tolist() == [choose(row, params, g) for row, g in zip(without_head, noise, strict=True)]
    effects = dependence(edited, "abc" + written, 3, context=context, beginning=3, **settings)
    assert {effect.choice for effect in effects} == {written[1]}


def test_choices_are_those_of_choose() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 6, 11, generator=generator)
    noise = torch.randn(6, 11, generator=generator, dtype=torch.float64)
    for params in (SamplingParams(), SamplingParams(top_k=2), SamplingParams(top_p=0.3), SamplingParams(temperature=0)):
        found = choices(logits, params, noise)
        assert found.tolist() == [
            [choose(row, params, g) for row, g in zip(rows, noise, strict=True)] for rows in logits
        ]
        assert torch.equal(choices(logits, params), logits.argmax(-1))
    assert torch.equal(choices(logits), logits.argmax(-1))


def test_the_effects_at_one_position(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    found = dependence_of(loaded, loaded.tokenizer.encode("abcab"))
    logits = next_logits(loaded.model, loaded.tokenizer.encode("abcab"))
    effects = dependence(loaded, "abcab", 1)
    assert [effect.part for effect in effects] == found.parts
    assert [effect.p_without for effect in effects] == found.next_p[:, 1].tolist()
    assert {effect.next for effect in effects} == {"c"}
    assert effects[0].p == pytest.approx(logits[1].softmax(-1)[3].item(), abs=1e-6)
    assert {effect.choice for effect in effects} == {loaded.tokenizer.chars[int(logits[1].argmax())]}
    assert [loaded.tokenizer.ids[effect.choice_without] for effect in effects] == found.choice[:, 1].tolist()
    with pytest.warns(UserWarning, match="1 character outside") as warned:
        assert dependence(loaded, "abXcab", 1) == effects
    assert warned[0].filename == __file__
    with pytest.raises(ValueError, match="Beginning must be a whole number from 0 to 5; got 6"):
        dependence(loaded, "abcab", beginning=6)
    with pytest.raises(ValueError, match="Temperature must be"):
        dependence(loaded, "abcab", beginning=2, temperature=9)
    with pytest.raises(ValueError, match="no attention"):
        dependence(text_model("mlp"), "abcab")


def test_the_work_ends_when_nobody_waits(text_model: Callable[..., TextModel]) -> None:
    def nobody(steps: Iterable[Any]) -> Iterator[Any]:
        raise RuntimeError("stop")
        yield from steps

    with pytest.raises(RuntimeError, match="stop"):
        dependence_of(text_model("gpt"), IDS, watched=nobody)
