"""What Look inside draws is what the library computes, for the text, the model and the parts that were asked for."""

import base64
import json
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from runs import run_with

from nanogpt.analysis.attention import attention, patterns_and_norms
from nanogpt.analysis.dependence import dependence_of
from nanogpt.analysis.draws import read_logits
from nanogpt.analysis.figures import stored_figures
from nanogpt.analysis.parts import without
from nanogpt.analysis.patterns import HEAD_PATTERNS
from nanogpt.analysis.reasons import reasons_of
from nanogpt.generation.continuation import generate
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.inside import (
    CAPTIONS,
    MAX_READ,
    caption,
    chosen_head,
    dependence_on_parts,
    exact_of,
    heads_of,
    instead,
    most_read,
    percent,
    read_subject,
    read_within_limit,
    sentence,
    shares_of,
    what_is_read,
    why_of,
)
from nanogpt.storage.zoo import Zoo

TEXT = "To be, or not to be:\nO, she doth teach"


def floats(packed: str) -> np.ndarray:
    """Numbers as heads.py sends them: byte by byte, the lowest first."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8)
    return data.reshape(4, -1).T.copy().view("<f4").reshape(-1)


@pytest.mark.parametrize(("off", "context"), [([], 256), (["5.3", "1.mlp"], 256), (["2.1"], 7)])
def test_the_maps_hold_the_model_s_own_weights(off: list[str], context: int, zoo: Zoo) -> None:
    gpt = zoo.get("gpt")
    subject = read_subject(zoo, TEXT, "gpt", off, context, None)
    drawn = heads_of(subject, 5, 3)
    edited, seen = without(gpt, off), 0 if context == 256 else context
    expected = attention(edited, TEXT, seen).numpy()[..., *np.tril_indices(len(TEXT))]
    maps = np.frombuffer(zlib.decompress(base64.b64decode(drawn["maps"])), np.uint8).reshape(5, 4, -1)
    assert np.abs(maps - 255 * np.sqrt(expected)).max() <= 0.501
    for shown in (drawn["exact"], exact_of(subject, 5, 3)):
        assert np.allclose(floats(shown["weights"]), expected[4, 2], rtol=1e-5, atol=1e-12)
    norms = patterns_and_norms(edited.model, subject.ids, seen)[1].numpy()
    assert np.allclose(floats(drawn["norms"]).reshape(norms.shape), norms, rtol=1e-4)
    assert drawn["off"] == [part for part in off if not part.endswith("mlp")]
    assert drawn["chars"] == TEXT


def test_of_a_text_just_written_each_character_is_predicted_from_the_run_s_own_window(zoo: Zoo) -> None:
    """The first 256 characters are read: at each place the next one has the probability that the run gave it."""
    gpt, run = zoo.get("gpt"), run_with()
    text = generate(gpt, run.prompt, **vars(run.params))
    subject = read_subject(zoo, run.prompt + text, "gpt", [], 256, run.prompt)
    assert (len(subject.ids), subject.given, subject.written) == (256, 307, 249)
    assert subject.text == (run.prompt + text)[:256]
    assert what_is_read(subject) == "the first 256 of 307 characters"
    reasons = reasons_of(subject.edited, subject.ids, subject.context)
    steps = list(generate_steps(gpt.model, gpt.read_prompt(run.prompt).ids, run.params))[:249]
    own = torch.stack([step.logits.softmax(-1)[step.id] for step in steps])
    assert torch.allclose(reasons.next_p[6:255, -1], own, atol=1e-5)


def own_choices(told: dict[str, Any], count: int) -> list[int]:
    """What the model itself would write after each of `count` characters: the last row of a `dependence_value`."""
    return np.frombuffer(base64.b64decode(told["whole"]), "<u2").reshape(-1, count)[-1].tolist()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gpt", {"seed": 3}),
        ("gpt", {"temperature": 0, "length": 30}),
        ("gpt", {"temperature": 1.4, "top_k": 20, "top_p": 0.9, "prompt": "A", "length": 60}),
        ("gpt", {"prompt": "", "seed": 4, "length": 60}),
        ("gpt", {"prompt": "\U0001f642", "length": 9}),
        ("nanogpt-cpu", {"prompt": "a\U0001f642b\r\n"}),
        ("self_attention", {"prompt": "x" * 255}),
    ],
)
def test_with_the_run_s_luck_the_whole_model_writes_the_text_again(
    name: str, settings: dict[str, Any], zoo: Zoo
) -> None:
    """At every position that was drawn, whatever the settings, and from the beginning as the panel gives it."""
    loaded, run = zoo.get(name), run_with(**settings)
    prompt = loaded.read_prompt(run.prompt)
    text = prompt.text + generate(loaded, prompt, **vars(run.params))
    subject = read_subject(zoo, text, name, [], loaded.block_size, prompt.text)
    told, count = dependence_on_parts(subject, run), len(subject.ids)
    assert told is not None
    assert count == min(len(prompt.ids) + run.params.max_new_tokens, loaded.block_size)
    assert count - subject.written == len(prompt.ids)
    assert own_choices(told, count)[len(prompt.ids) - 1 : -1] == subject.ids[len(prompt.ids) :]
    found = dependence_of(subject.edited, subject.ids)
    assert told["parts"] == found.parts
    real = np.frombuffer(base64.b64decode(told["real"]), "<f4")
    assert np.allclose(real, found.next_p.numpy().reshape(-1), atol=1e-7)


def test_after_an_empty_beginning_the_newline_is_read_that_the_run_began_with(zoo: Zoo) -> None:
    """Without it every probability would be another one than the run's."""
    gpt, run = zoo.get("gpt"), run_with(prompt="", length=40)
    text = generate(gpt, gpt.read_prompt(""), **vars(run.params))
    subject = read_subject(zoo, text, "gpt", [], 256, "")
    assert (subject.text, subject.written, subject.beginning) == ("\n" + text, 40, "")
    reasons = reasons_of(subject.edited, subject.ids)
    steps = generate_steps(gpt.model, gpt.read_prompt("").ids, run.params)
    own = torch.stack([step.logits.softmax(-1)[step.id] for step in steps])
    assert torch.allclose(reasons.next_p[:-1, -1], own, atol=1e-5)
    assert read_subject(zoo, text, "gpt", [], 256, None).text == text  # typed, it is read as it stands


def test_a_beam_search_drew_nothing(zoo: Zoo) -> None:
    run = run_with(method="beam", width=2, length=12)
    gpt = zoo.get("gpt")
    text = run.prompt + generate(gpt, run.prompt, beam=2, **vars(run.params))
    subject = read_subject(zoo, text, "gpt", [], 256, run.prompt)
    told = dependence_on_parts(subject, run)
    assert told is not None
    likeliest = reasons_of(gpt, subject.ids).guess[:, -1].tolist()
    assert own_choices(told, len(subject.ids)) == likeliest


def test_any_other_text_is_read_from_its_end(zoo: Zoo) -> None:
    subject = read_subject(zoo, "🙂" + "ab" * 200, "gpt", [], 256, None)
    assert subject.text == "ab" * 128
    assert what_is_read(subject) == "the last 256 of 400 characters · 1 unknown left out"
    assert subject.beginning == "ab" * 200
    long = read_subject(zoo, "a" * 300 + "b", "gpt", [], 256, "a" * 300)
    assert (long.written, long.text) == (0, "a" * 255 + "b")
    other = read_subject(zoo, "To be", "gpt", [], 256, "Not")  # a beginning that it does not have
    assert (other.written, other.beginning) == (0, "To be")
    assert what_is_read(read_subject(zoo, "a", "gpt", [], 9, None)) == "1 character · looks back at most 9"


def test_of_a_model_with_many_heads_less_is_read(zoo: Zoo, text_model: Callable[..., TextModel]) -> None:
    assert [most_read(zoo.get(name)) for name in ("gpt", "nanogpt-cpu", "mlp")] == [256, 64, 8]
    assert most_read(text_model("gpt", n_layer=12, n_head=12, n_embd=24, block_size=1024)) == 128


def test_the_clearest_head_opens_and_a_chosen_one_wins(zoo: Zoo) -> None:
    subject = read_subject(zoo, TEXT, "gpt", [], 256, None)
    assert heads_of(subject, 0, 0)["selected"] == [5, 3]
    figures = stored_figures(zoo.get("gpt"))
    assert figures is not None
    above = {one.part: one.share[one.name] - one.chance[one.name] for one in figures.heads if one.name in CAPTIONS}
    assert max(above, key=above.__getitem__) == "5.3"
    assert heads_of(subject, 2, 4)["selected"] == [2, 4]
    assert chosen_head(zoo.get("gpt"), 0, 0, None) == (1, 1)
    for layer, head, said in ((6, 1, "Layer must be a whole number from 0 to 5"), (1, 5, "Head must be")):
        with pytest.raises(ValueError, match=said):
            heads_of(subject, layer, head)


def test_what_a_head_does_is_said_in_measured_numbers(zoo: Zoo) -> None:
    drawn = heads_of(read_subject(zoo, TEXT, "gpt", [], 256, None), 0, 0)
    about = json.loads(drawn["about"])
    (share, chance), *_ = about["shares"][4][2]
    assert about["words"][4][2] == f"previous {percent(share)}"
    assert about["details"][4][2] == f"the previous character: {percent(share)} ({percent(chance)} by chance)"
    assert about["words"][0][0] == about["details"][0][0] == "no clear pattern"
    assert [len(pairs) for row in about["shares"] for pairs in row] == [7] * 20
    assert about["patterns"] == [[CAPTIONS[name], words] for name, words in HEAD_PATTERNS.items()]
    assert (caption(None), shares_of(None)) == ("", [])
    assert "python -m nanogpt analyse" in sentence(None)
    assert (percent(0.0949), percent(0.351)) == ("9.5 %", "35 %")


def test_reasons_are_those_of_the_library(zoo: Zoo) -> None:
    subject = read_subject(zoo, TEXT, "gpt", ["1.2"], 256, None)
    drawn = why_of(subject)
    found = reasons_of(without(zoo.get("gpt"), "1.2"), subject.ids)
    real = np.frombuffer(base64.b64decode(drawn["real"]), "<f4")
    assert np.allclose(real[: len(TEXT)], found.difference.numpy(), atol=1e-6)
    assert (drawn["chars"], drawn["sources"], drawn["after"]) == (TEXT, found.sources, found.after)


@pytest.mark.parametrize("name", ["bigram", "trigram", "mlp"])
def test_models_without_layers_say_what_they_do_instead(name: str, zoo: Zoo) -> None:
    with pytest.raises(ValueError, match="has no heads and no MLPs that could be switched off"):
        read_subject(zoo, TEXT, name, ["1.1"], 256, None)
    subject = read_subject(zoo, TEXT, name, [], 256, None)
    assert heads_of(subject, 0, 0)["message"] == instead(subject)
    assert "table" in instead(subject) or "one network" in instead(subject)
    assert why_of(subject)["message"]
    assert dependence_on_parts(subject, run_with()) is None


def test_without_a_text_there_is_a_sentence(zoo: Zoo) -> None:
    subject = read_subject(zoo, "🙂", "gpt", [], 256, None)
    assert "Write some text" in heads_of(subject, 0, 0)["message"]
    assert "Write some text" in why_of(subject)["message"]


@pytest.mark.parametrize(
    ("text", "name", "off", "context", "message"),
    [
        ("a" * (MAX_READ + 1), "gpt", [], 256, "Text to read is 4,001 characters; the limit is 4,000."),
        (None, "gpt", [], 256, "Text must be a string"),
        ("a", "../x", [], 256, "Unknown model"),
        ("a", "gpt", ["9.9"], 256, "Parts to switch off are"),
        ("a", "gpt", [], -1, "Context must be a whole number"),
    ],
)
def test_what_is_refused(text: Any, name: str, off: list[str], context: int, message: str, zoo: Zoo) -> None:
    with pytest.raises(ValueError, match=message):
        read_subject(zoo, text, name, off, context, None)
    assert read_within_limit("A\nb") == "A\nb"


def test_everything_on_again_is_what_it_was_to_the_byte(zoo: Zoo) -> None:
    def drawn(off: list[str], context: int) -> str:
        subject = read_subject(zoo, TEXT, "gpt", off, context, None)
        return json.dumps([heads_of(subject, 0, 0), why_of(subject), dependence_on_parts(subject, run_with())])

    before = drawn([], 256)
    assert drawn(["5.3"], 256) != before
    assert drawn([], 5) != before
    assert drawn([], 256) == before


@pytest.mark.parametrize("context", [0, 256, 300])
def test_a_context_as_long_as_the_model_s_changes_nothing(context: int, zoo: Zoo) -> None:
    subject = read_subject(zoo, TEXT, "gpt", [], context, None)
    assert (subject.context, subject.edited is zoo.get("gpt")) == (0, True)
    assert np.allclose(floats(exact_of(subject, 2, 1)["weights"]).sum(), len(TEXT), rtol=1e-4)


def test_visitors_at_the_same_time_never_see_each_other_s_switches(zoo: Zoo) -> None:
    visits = [([], 256), (["5.mlp"], 256), (["1.1", "3.2"], 256), ([], 3)]

    def seen(visit: tuple[list[str], int]) -> tuple[Any, Any, str]:
        off, context = visit
        subject = read_subject(zoo, TEXT, "gpt", off, context, None)
        params = {"max_new_tokens": 5, "context": subject.context}
        return heads_of(subject, 0, 0), why_of(subject), generate(subject.edited, TEXT, **params)

    alone = [seen(visit) for visit in visits]
    assert len({str(one) for one in alone}) == len(visits)
    with ThreadPoolExecutor(len(visits)) as visitors:
        assert list(visitors.map(seen, visits * 4)) == alone * 4


def test_a_context_of_one_is_a_pass_over_one_character(zoo: Zoo) -> None:
    gpt = zoo.get("gpt")
    subject = read_subject(zoo, TEXT, "gpt", [], 1, None)
    reasons = reasons_of(subject.edited, subject.ids, subject.context)
    for at in (0, 5, len(TEXT) - 2):
        alone = read_logits(gpt, TEXT[at], TEXT[at + 1])[0].softmax(-1)
        assert reasons.next_p[at, -1].item() == pytest.approx(alone[subject.ids[at + 1]].item(), abs=1e-6)
