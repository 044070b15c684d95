"""A text written again is what the library writes, and its price is what the figures say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from runs import run_with
from written import ENGINE

import nanogpt
from nanogpt.analysis.figures import analyse, combination, save_figures, stored_figures
from nanogpt.analysis.parts import part_names, read_parts
from nanogpt.models.base import LanguageModel
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
from nanogpt.storage.checkpoint import save
from nanogpt.storage.zoo import Zoo
from nanogpt.text.corpus import load_corpus

TEXT = "To be, or not to be"
GROUPS = [("5.3",), ("2.mlp",), ("2",), ("attention",), ("mlps",)]


def subject_of(zoo: Zoo, off: tuple[str, ...] = (), context: int = 256, name: str = "gpt", text: str = TEXT) -> Subject:
    return read_subject(zoo, text, name, read_parts(zoo.get(name), off), context, None)


@pytest.mark.parametrize(
    ("off", "context", "method"), [(("5.3",), 256, "sample"), ((), 8, "sample"), (("1",), 9, "beam")]
)
@pytest.mark.no_cover  # long, and its lines are covered by others
def test_the_text_is_what_the_library_writes(off: tuple[str, ...], context: int, method: str, zoo: Zoo) -> None:
    run = run_with(length=40, method=method, seed=7)
    how: dict[str, Any] = {**vars(run.params), "beam": run.beam}
    before = original_panel(ENGINE, subject_of(zoo), run, zoo.names)
    after = rewritten_panel(ENGINE, subject_of(zoo, off, context), run, zoo.names, before["text"])
    assert before["text"] == nanogpt.generate(zoo.get("gpt"), TEXT, **how)
    assert after["text"] == nanogpt.generate(nanogpt.without(zoo.get("gpt"), off), TEXT, context=context, **how)
    assert before["prompt"] == after["prompt"] == TEXT
    same = [a == b for a, b in zip(before["text"], after["text"], strict=True)]
    assert after["shared"] == "".join("01"[alike] for alike in same)
    assert f"From character {same.index(False) + 1} on it differs." == after["notice"]


@pytest.mark.parametrize("begun", [None, "a" * 2000])
def test_a_text_longer_than_a_prompt_goes_on_from_its_end(begun: str | None, zoo: Zoo) -> None:
    """It was refused: a prompt has at most 2,000 characters, and a text to read 4,000."""
    subject = read_subject(zoo, "a" * 2000 + "To be or n" * 150, "gpt", [], 256, begun)
    assert subject.beginning == "a" * 500 + "To be or n" * 150
    panel = original_panel(ENGINE, subject, run_with(length=9), zoo.names)
    gpt = zoo.get("gpt")
    prompt = gpt.read_prompt(subject.beginning)
    assert panel["text"] == nanogpt.generate(gpt, prompt, max_new_tokens=9, seed=1)


def test_nothing_is_said_of_a_difference_from_a_text_that_is_not_there(zoo: Zoo) -> None:
    panel = rewritten_panel(ENGINE, subject_of(zoo, ("5.3",)), run_with(length=5), zoo.names, "")
    assert (len(panel["text"]), panel["shared"], panel["notice"]) == (5, "", "")


def test_without_a_change_there_is_nothing_to_write_again(zoo: Zoo) -> None:
    run = run_with(length=20)
    panel = rewritten_panel(ENGINE, subject_of(zoo), run, zoo.names, "abc")
    assert (panel["text"], "Everything is on" in panel["notice"]) == ("", True)
    whole = replace(subject_of(zoo), context=256)  # as many characters as the model sees
    original = original_panel(ENGINE, subject_of(zoo), run, zoo.names)["text"]
    again = rewritten_panel(ENGINE, whole, run, zoo.names, original)
    assert (again["text"], again["notice"]) == (original, "The text is the same to the last character.")


def test_two_texts_fit_side_by_side(zoo: Zoo) -> None:
    run = run_with(length=400)
    before = original_panel(ENGINE, subject_of(zoo, name="bigram"), run, zoo.names)
    after = rewritten_panel(ENGINE, subject_of(zoo, context=2, name="quick"), run, zoo.names, before["text"])
    assert len(before["text"]) == len(after["text"]) == len(after["shared"]) == MAX_REWRITTEN


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


@pytest.fixture
def own(tmp_path: Path, text_file: Path, tiny: Callable[..., LanguageModel], monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """Small models without figures, and the text of their vocabulary at hand."""
    monkeypatch.setenv("NANOGPT_DATA", str(text_file))
    tokenizer = load_corpus().tokenizer
    for kind in ("bigram", "gpt"):
        save(tmp_path / "zoo" / kind, tiny(kind, vocab_size=tokenizer.vocab_size), tokenizer)
    zoo = Zoo(tmp_path / "zoo")
    zoo.refresh()
    return zoo


@pytest.mark.parametrize("with_figures", [False, True])
@pytest.mark.parametrize(("off", "context"), [(("1.1",), 8), (("2",), 8), ((), 3), (("1.1", "2.mlp"), 8), (("1",), 5)])
def test_the_price_is_that_of_the_command(off: tuple[str, ...], context: int, with_figures: bool, own: Zoo) -> None:
    """Stored or measured now, alone or in combination: the same numbers."""
    gpt, corpus = own.get("gpt"), load_corpus()
    if with_figures:
        save_figures(gpt.folder, analyse(gpt, corpus))
    cost = cost_of(subject_of(own, off, context))
    told = combination(gpt, corpus, off, context)
    assert cost is not None
    assert cost.after == pytest.approx(told["bits"], abs=2e-5)
    assert cost.after - cost.before == pytest.approx(told["more_bits"], abs=2e-5)
    stored = with_figures and (len(off) == 1) != (context < 8)
    said = cost_in_words(subject_of(own, off, context))
    assert ("measured now" not in said) == stored
    assert f"{told['more_bits']:+.2f} bits" in said or abs(told["more_bits"]) < 0.006


def test_a_corpus_of_another_vocabulary_or_too_short_is_not_measured_on(
    own: Zoo, text_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = text_file.read_text()
    for i, text in enumerate((whole + "%", whole[:60] + "".join(sorted(set(whole))))):
        other = tmp_path / f"other_{i}.txt"
        other.write_text(text)
        monkeypatch.setenv("NANOGPT_DATA", str(other))
        assert "the unseen text is not at hand" in cost_in_words(subject_of(own, ("1.1",), text="to be"))


def test_a_model_without_figures_has_its_experiments_and_no_curve(own: Zoo) -> None:
    names = [one.name for one in experiments(own.get("gpt"))]
    assert names == ["No attention", "No MLPs", "Last layer off", "Looks back 1"]  # it sees 8 as it is
    assert fitted(own.get("gpt"))["switches"]["costs"] == {}
    assert "Nothing was measured" in curve_of(own, subject_of(own))["message"]


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


@pytest.mark.parametrize(("name", "sees"), [("bigram", 1), ("trigram", 2), ("mlp", 8)])
def test_a_model_without_layers_has_nothing_to_change(name: str, sees: int, zoo: Zoo) -> None:
    loaded, subject = zoo.get(name), subject_of(zoo, name=name)
    assert experiments(loaded) == []
    given = fitted(loaded)
    assert given["switches"]["disabled"] == "this model has no heads and no MLPs"
    assert given["context"]["disabled"] == f"this model sees {sees} at most"
    assert (cost_in_words(subject), curve_of(zoo, subject)["points"]) == ("", [])
    assert curve_of(zoo, subject)["message"] == "Without attention there is no context to shorten."
    again = rewritten_panel(ENGINE, subject, run_with(), zoo.names, "")
    assert (again["text"], again["notice"]) == ("", "Nothing can be switched off in this model.")


def test_switches_and_dial_fit_the_model(zoo: Zoo) -> None:
    gpt = fitted(zoo.get("gpt"))
    assert (gpt["switches"]["layers"], gpt["switches"]["heads"], gpt["switches"]["mlps"]) == (5, 4, True)
    assert (gpt["switches"]["disabled"], gpt["context"]["maximum"]) == ("", 256)
    assert fitted(zoo.get("nanogpt-cpu"))["context"] == {"maximum": 64, "value": 64, "disabled": ""}


def test_the_curve_is_the_stored_one_and_marks_the_small_models(zoo: Zoo) -> None:
    figures = stored_figures(zoo.get("gpt"))
    assert figures is not None
    drawn = curve_of(zoo, subject_of(zoo, context=8))
    assert drawn["points"] == [[n, bits] for n, bits in figures.context.items()]
    assert [title for title, _, _ in drawn["marks"]] == ["Bigram", "Trigram", "MLP"]
    assert (drawn["now"], drawn["bits_now"]) == (8, figures.context[8])
    assert curve_of(zoo, subject_of(zoo, context=5))["bits_now"] is None
