"""Oddities are explained where they happen, on texts that real models write; elsewhere nothing is said."""

from collections.abc import Callable
from typing import Any

import pytest

from nanogpt.generation.continuation import generate
from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.oddities import cycle_of, oddity, repetition
from nanogpt.storage.zoo import Zoo

Told = Callable[..., str]


@pytest.fixture(scope="module")
def told(zoo: Zoo) -> Told:
    """told("bigram", prompt, temperature=0) → what the page says beside that run of 300 characters."""

    def run(name: str, prompt: str = "ROMEO:\n", beam: int = 0, **settings: Any) -> str:
        model = zoo.get(name)
        params = SamplingParams(**{"max_new_tokens": 300, **settings})
        read = model.read_prompt(prompt)
        text = generate(model, read, beam=beam, **vars(params))
        return oddity(model.title, model.block_size, params, read.text, text, beam)

    return run


@pytest.mark.parametrize("name", ["bigram", "gpt", "trigram", "self_attention", "mlp"])
def test_the_default_run_needs_no_words(name: str, told: Told) -> None:
    assert told(name) == ""


@pytest.mark.parametrize("temperature", [0.6, 0.8, 1, 2])
@pytest.mark.parametrize("name", ["bigram", "mlp", "quick"])
@pytest.mark.no_cover  # long, and its lines are covered by others
def test_an_ordinary_text_needs_no_words(name: str, temperature: float, told: Told) -> None:
    for seed, prompt in enumerate(("To be, or not to be", "KING RICHARD III:\nNow", "", "The end of the play.\n")):
        assert told(name, prompt, temperature=temperature, seed=seed) == ""


def test_temperature_0_loops(told: Told) -> None:
    always = "At temperature 0 the likeliest character is always taken"
    assert told("bigram", temperature=0) == (
        f"{always}, and the Bigram sees only the last character: "
        "when it comes again, so does all that followed, in a loop of “↵”."
    )
    assert "sees only the last 2 characters: when they come again" in told("trigram", temperature=0)
    assert "a loop of “" in told("trigram", "To be", temperature=0)
    assert told("gpt", temperature=0) == f"{always}, so no luck leads the GPT out of a loop."
    assert told("bigram", top_k=1).startswith("With top-k 1 the likeliest character is always taken")
    assert told("bigram", beam=1).startswith("With beam width 1 the likeliest character is always taken")


def test_a_cold_text_falls_back_into_the_same_phrases(told: Told) -> None:
    assert told("bigram", "To be, or not to be", temperature=0.1) == (
        "The Bigram sees only the last character, and at temperature 0.1 the likeliest character is nearly always "
        "drawn, so it falls back into the same phrases."
    )
    assert told("quick", temperature=0.1).startswith(
        "At temperature 0.1 the likeliest character is nearly always drawn"
    )
    assert told("bigram", beam=4).startswith("Beam search looks for the likeliest text")


def test_a_text_that_has_just_begun_is_not_yet_repetitive() -> None:
    params = SamplingParams(temperature=0.1)
    assert oddity("Bigram", 1, params, "", "the the the the ") == ""
    assert oddity("Bigram", 1, params, "", "the " * 40) != ""
    assert oddity("Bigram", 1, SamplingParams(temperature=0.8), "", "the " * 40) == ""  # no cause is known


@pytest.mark.no_cover  # long, and its lines are covered by others
def test_a_line_break_after_a_speaker_matters(told: Told) -> None:
    assert told("gpt", "ROMEO:") == (
        "The beginning has no line break after “ROMEO:”, so the GPT wrote it first, "
        "and every later character has the luck of the next place."
    )
    assert "no line break after “First Citizen:”" in told("bigram", "Speak.\n\nFirst Citizen:")
    assert "as the plays have it before every speech" in told("gpt", "ROMEO: ")
    assert "“KING RICHARD” alone does not begin a speech" in told("gpt", "Speak.\n\nKING RICHARD")
    assert "The empty line after “ROMEO:” ends the speech" in told("gpt", "ROMEO:\n\n\n")
    for prompt in ("He said", "I", "O", "no:", "ROMEO:\nNow", "ROMEO:\nI say: yes"):
        assert told("mlp", prompt) == ""


def test_bits_ignore_temperature_and_cut(told: Told) -> None:
    for settings in ({"top_k": 10}, {"top_p": 0.9}):
        assert told("gpt", **settings).endswith("so top-k and top-p do not lower a character's.")
    short = told("gpt", temperature=0, max_new_tokens=40)
    assert short.endswith("even the likeliest character costs some.")


@pytest.mark.parametrize(
    ("text", "cycle"), [("x" + "\n" * 16, "\n"), ("it" + " the" * 5, " the"), ("a b " * 4, "a b "), ("a b " * 3, "")]
)
def test_a_cycle_is_the_shortest_one_that_ends_the_text(text: str, cycle: str) -> None:
    assert cycle_of(text) == cycle


def test_repetition_is_a_share() -> None:
    assert repetition("short") == repetition("abcdefghijkl") == 0
    assert repetition("a" * 107) == 0.99
