"""A text written again is what the library writes, and its price is what the figures say."""

from dataclasses import replace
from typing import Any

import pytest
from runs import run_with

import nanogpt
from nanogpt.analysis.figures import combination, stored_figures
from nanogpt.analysis.parts import part_names, read_parts
from nanogpt.playground import rewriting
from nanogpt.playground.inside import Subject, read_subject
from nanogpt.playground.rewriting import (
    MAX_REWRITTEN,
    change_in_words,
    cost_in_words,
    cost_of,
    curve_of,
    experiments,
    fitted,
    original_panel,
    rewritten_panel,
)
from nanogpt.storage.zoo import Zoo
from nanogpt.text.corpus import corpus_at_hand

TEXT = "To be, or not to be"
GROUPS = [("5.3",), ("2.mlp",), ("2",), ("attention",), ("mlps",)]


def subject_of(zoo: Zoo, off: tuple[str, ...] = (), context: int = 256, name: str = "gpt", text: str = TEXT) -> Subject:
    return read_subject(zoo, text, name, read_parts(zoo.get(name), off), context, None)


@pytest.mark.parametrize(
    ("off", "context", "method"), [(("5.3",), 256, "sample"), ((), 8, "sample"), (("1",), 9, "beam")]
)
def test_the_text_is_what_the_library_writes(off: tuple[str, ...], context: int, method: str, zoo: Zoo) -> None:
    run = run_with(length=40, method=method, seed=7)
    how: dict[str, Any] = {**vars(run.params), "beam": run.beam}
    before = original_panel(subject_of(zoo), run, zoo.names)
    after = rewritten_panel(subject_of(zoo, off, context), run, zoo.names, before["text"])
    assert before["text"] == nanogpt.generate(zoo.get("gpt"), TEXT, **how)
    assert after["text"] == nanogpt.generate(nanogpt.without(zoo.get("gpt"), off), TEXT, context=context, **how)
    assert before["prompt"] == after["prompt"] == TEXT
    same = [a == b for a, b in zip(before["text"], after["text"], strict=True)]
    assert after["shared"] == "".join("01"[alike] for alike in same)
    assert f"From character {same.index(False) + 1} on it differs." == after["notice"]


def test_without_a_change_there_is_nothing_to_write_again(zoo: Zoo) -> None:
    run = run_with(length=20)
    panel = rewritten_panel(subject_of(zoo), run, zoo.names, "abc")
    assert (panel["text"], "Everything is on" in panel["notice"]) == ("", True)
    whole = replace(subject_of(zoo), context=256)  # as many characters as the model sees
    original = original_panel(subject_of(zoo), run, zoo.names)["text"]
    again = rewritten_panel(whole, run, zoo.names, original)
    assert (again["text"], again["notice"]) == (original, "The text is the same to the last character.")


def test_two_texts_fit_side_by_side(zoo: Zoo) -> None:
    run = run_with(length=400)
    assert len(original_panel(subject_of(zoo, name="bigram"), run, zoo.names)["text"]) == MAX_REWRITTEN


@pytest.mark.parametrize(
    ("off", "context", "words"),
    [
        (("5.3",), 256, "without head 5.3"),
        (("5.3", "1.mlp"), 1, "without the MLP of layer 1, head 5.3, looks back at most 1 character"),
        (("2",), 256, "without layer 2"),
        (("attention", "3.mlp"), 8, "without all attention, the MLP of layer 3, looks back at most 8 characters"),
        (("mlps",), 256, "without all MLPs"),
    ],
)
def test_a_change_in_words(off: tuple[str, ...], context: int, words: str, zoo: Zoo) -> None:
    assert sorted(change_in_words(subject_of(zoo, off, context)).split(", ")) == sorted(words.split(", "))


@pytest.mark.parametrize("off", GROUPS)
def test_the_price_of_one_part_or_group_is_stored(off: tuple[str, ...], zoo: Zoo) -> None:
    figures = stored_figures(zoo.get("gpt"))
    cost = cost_of(subject_of(zoo, off))
    assert figures is not None
    assert cost is not None
    assert (cost.before, cost.after) == (figures.bits, figures.bits + figures.without[off[0]])
    assert cost_in_words(subject_of(zoo, off)).endswith("on 8,192 characters of unseen text.")


def test_the_price_of_a_measured_context_is_stored(zoo: Zoo) -> None:
    figures = stored_figures(zoo.get("gpt"))
    cost = cost_of(subject_of(zoo, context=16))
    assert figures is not None
    assert cost is not None
    assert cost.after == figures.context[16]
    assert cost_in_words(subject_of(zoo)) == ""


def test_a_combination_is_measured_now(zoo: Zoo) -> None:
    corpus = corpus_at_hand()
    if corpus is None:
        pytest.skip("needs the corpus at NANOGPT_DATA")
    quick = zoo.get("quick")
    cost = cost_of(subject_of(zoo, ("1.1", "2.mlp"), 20, name="quick"))
    told = combination(quick, corpus, "1.1 2.mlp", 20)
    assert cost is not None
    assert cost.after == pytest.approx(told["bits"], abs=1e-4)
    assert cost.after - cost.before == pytest.approx(told["more_bits"], abs=1e-4)
    assert "measured now" in cost.where


def test_without_the_corpus_a_combination_is_measured_on_the_text(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "corpus_at_hand", lambda: None)
    subject = subject_of(zoo, ("1.1", "2.mlp"), name="quick")
    cost = cost_of(subject)
    quick = zoo.get("quick")
    assert cost is not None
    assert cost.before == pytest.approx(nanogpt.score(quick, TEXT).bits.mean().item(), abs=1e-5)
    edited = nanogpt.without(quick, "1.1 2.mlp")
    assert cost.after == pytest.approx(nanogpt.score(edited, TEXT).bits.mean().item(), abs=1e-5)
    assert "the unseen text is not at hand" in cost_in_words(subject)
    assert cost_of(subject_of(zoo, ("1.1", "2.mlp"), name="quick", text="")) is None


def test_five_experiments_that_the_model_allows(zoo: Zoo) -> None:
    for name in ("gpt", "quick", "nanogpt-cpu"):
        tried = experiments(zoo.get(name))
        assert len(tried) == 5
        assert all(set(one.off) <= set(part_names(zoo.get(name).model)) for one in tried)
        assert all(one.off or one.context for one in tried)
        assert all(one.watch.endswith(".") for one in tried)
    one_layer = [one.name for one in experiments(zoo.get("self_attention"))]
    assert one_layer[0] == "No attention"
    assert not {"No MLPs", "Last layer off"} & set(one_layer)
    assert experiments(zoo.get("mlp")) == []


def test_switches_and_dial_fit_the_model(zoo: Zoo) -> None:
    gpt, mlp = fitted(zoo.get("gpt")), fitted(zoo.get("mlp"))
    assert (gpt["switches"]["layers"], gpt["switches"]["heads"], gpt["switches"]["mlps"]) == (5, 4, True)
    assert (gpt["switches"]["disabled"], gpt["context"]["maximum"]) == ("", 256)
    assert mlp["switches"]["disabled"] == "this model has no heads and no MLPs"
    assert mlp["context"]["disabled"] == "this model sees 8 at most"


def test_the_curve_is_the_stored_one_and_marks_the_small_models(zoo: Zoo) -> None:
    figures = stored_figures(zoo.get("gpt"))
    assert figures is not None
    drawn = curve_of(zoo, subject_of(zoo, context=8))
    assert drawn["points"] == [[n, bits] for n, bits in figures.context.items()]
    assert [title for title, _, _ in drawn["marks"]] == ["Bigram", "Trigram", "MLP"]
    assert (drawn["now"], drawn["bits_now"]) == (8, figures.context[8])
    assert curve_of(zoo, subject_of(zoo, context=5))["bits_now"] is None
    assert curve_of(zoo, subject_of(zoo, name="bigram"))["message"] == ""
