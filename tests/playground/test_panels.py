"""What panels and track show of a comparison."""

import random
from dataclasses import replace

import pytest
from test_run import run_of
from written import written

from nanogpt.analysis.score import score
from nanogpt.playground.colours import colour_of
from nanogpt.playground.comparison import Side
from nanogpt.playground.panels import (
    bits_of,
    bits_saved,
    describe_model,
    judged_panels,
    saved_by_last,
    scored_panel,
    shared_marks,
    side_panels,
)  # fmt: skip
from nanogpt.storage.zoo import Zoo


@pytest.fixture(scope="module")
def sides(zoo: Zoo) -> list[Side]:
    return written(zoo, run_of())


def numbers(value: str) -> list[float]:
    return [float(x) for x in value.split()]


def test_a_running_panel_shows_the_text_and_the_id_of_its_run(sides: list[Side], zoo: Zoo) -> None:
    panel = side_panels(sides, zoo.names, "running", run=7)[1]
    assert (panel["text"], panel["status"], panel["run"], panel["model"]) == (sides[1].text, "running", 7, "gpt")
    assert panel["colour"] == colour_of(zoo.names, "gpt")
    assert numbers(panel["bits"]) == pytest.approx(sides[1].bits, rel=1e-6)
    assert "run" not in side_panels(sides, zoo.names, "running")[1]


def test_notices_of_the_prompt_and_of_the_run_stand_together(zoo: Zoo) -> None:
    sides = written(zoo, run_of(prompt="O 🙂", count=2, length=3))
    assert side_panels(sides, zoo.names, "stopped", notice="Stopped.")[0]["notice"] == (
        "1 character outside the model's vocabulary left out: U+1F642. Stopped."
    )


def test_one_character_is_not_many(zoo: Zoo) -> None:
    sides = written(zoo, run_of(count=2, length=1))
    assert side_panels(sides, zoo.names, "done")[0]["stats"][0] == ["", "1", "character"]
    sides = written(zoo, run_of(count=2, length=2))
    assert side_panels(sides, zoo.names, "done")[0]["stats"][0] == ["", "2", "characters"]


def test_marks_are_where_all_texts_have_the_same_character() -> None:
    assert shared_marks(["abc", "abd"]) == ["110", "110"]
    assert shared_marks(["ab", "abcd"]) == ["11", "1100"]
    assert shared_marks(["🙂a", "🙂b", "🙂a"]) == ["10"] * 3
    assert shared_marks(["", "a"]) == ["", "0"]
    letters = random.Random(1)
    for count in (2, 3, 4):
        texts = ["".join(letters.choices("ab\n", k=200)) for _ in range(count)]
        (marks,) = set(shared_marks(texts))
        assert [mark == "1" for mark in marks] == [len({text[i] for text in texts}) == 1 for i in range(200)]


def test_every_frame_of_a_run_marks_what_its_texts_share(zoo: Zoo) -> None:
    shared = 0
    whole = written(zoo, run_of(length=100))
    for count in range(1, 101):
        sides = [replace(side, ids=side.ids[:count], bits=side.bits[:count]) for side in whole]
        panels = side_panels(sides, zoo.names, "running")
        texts = [panel["text"] for panel in panels]
        for panel in panels:
            assert len(panel["shared"]) == len(panel["text"])
            for i, mark in enumerate(panel["shared"]):
                assert mark == str(int(len({text[i] for text in texts}) == 1))
        shared = panels[0]["shared"].count("1")
    assert 0 < shared < 100
    assert [panel["shared"] for panel in judged_panels(sides, zoo.names, 0)] == [panels[0]["shared"]] * len(sides)


def test_every_side_is_judged_by_every_model(sides: list[Side], zoo: Zoo) -> None:
    for side, panel in zip(sides, judged_panels(sides, zoo.names, 0), strict=True):
        words = [f"{before} {unit}".strip() for before, _, unit in panel["stats"]]
        others = [f"{s.loaded.title} needs" for s in sides if s is not side]
        assert words == ["characters", "bits a character", *others]
        assert numbers(panel["bits"]) == pytest.approx(side.bits_by(side.loaded), rel=1e-6)


def test_one_model_s_bits_may_tint_all_texts(sides: list[Side], zoo: Zoo) -> None:
    for side, panel in zip(sides, judged_panels(sides, zoo.names, 2), strict=True):
        assert numbers(panel["bits"]) == pytest.approx(side.bits_by(sides[1].loaded), rel=1e-6)


def test_the_track_holds_both_models_bits_of_the_last_text(sides: list[Side], zoo: Zoo) -> None:
    value = saved_by_last(sides, zoo.names)
    assert (value["characters"], value["side"]) == (sides[-1].text, len(sides))
    assert value["names"] == ["MLP", "Bigram"]
    assert value["colours"] == [colour_of(zoo.names, name) for name in ("mlp", "bigram")]
    assert "last side's text" in value["lead"]
    assert all(name in value["lead"] for name in value["names"])
    for shown, judge in zip(value["bits"], (sides[-1], sides[0]), strict=True):
        assert numbers(shown) == pytest.approx(sides[-1].bits_by(judge.loaded), rel=1e-6)


def test_a_model_saves_nothing_against_itself(zoo: Zoo) -> None:
    bigram, gpt = zoo.get("bigram"), zoo.get("gpt")
    assert "two different models" in bits_saved((gpt, gpt), ([1.0], [1.0]), "a", "", 2, zoo.names)["message"]
    assert "two different models" in bits_saved((bigram, gpt), (None, [1.0]), "a", "", 2, zoo.names)["message"]
    assert bits_saved((bigram, gpt), ([2.0], [1.0]), "a", "", 2, zoo.names)["bits"] == ["1", "2"]


def test_the_figures_of_a_visitor_s_text_are_the_score_s(zoo: Zoo) -> None:
    found = score(zoo.get("gpt"), "To be, or not")
    panel = scored_panel(zoo.get("gpt"), found, zoo.names)
    figures = {unit: number for _, number, unit in panel["stats"]}
    assert figures["bits in all"] == f"{found.total:,.1f}"
    assert figures["bits a character"] == f"{found.total / 13:.4f}"
    assert bits_of(found) == pytest.approx(found.bits.tolist())


def test_a_model_in_a_few_words(zoo: Zoo) -> None:
    assert describe_model(zoo.get("bigram")) == "4,225 parameters · context 1"
    assert describe_model(zoo.get("gpt")) == "4.46 M parameters · context 256"
