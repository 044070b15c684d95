"""What panels and track show of a comparison."""

import pytest
from test_run import run_of

from nanogpt.analysis.score import score
from nanogpt.playground.comparison import Side, write_together
from nanogpt.playground.panels import (
    bits_of,
    bits_saved,
    describe_model,
    judged_panels,
    saved_by_last,
    scored_panel,
    side_panel,
)  # fmt: skip
from nanogpt.storage.zoo import Zoo


@pytest.fixture(scope="module")
def sides(zoo: Zoo) -> list[Side]:
    *_, sides = write_together(zoo, run_of())
    return sides


def numbers(value: str) -> list[float]:
    return [float(x) for x in value.split()]


def test_a_running_panel_shows_the_text_and_the_id_of_its_run(sides: list[Side]) -> None:
    panel = side_panel(sides[1], "running", run=7)
    assert (panel["text"], panel["status"], panel["run"], panel["model"]) == (sides[1].text, "running", 7, "gpt")
    assert numbers(panel["bits"]) == pytest.approx(sides[1].bits, rel=1e-6)
    assert "run" not in side_panel(sides[1], "running")


def test_notices_of_the_prompt_and_of_the_run_stand_together(zoo: Zoo) -> None:
    *_, (side, _) = write_together(zoo, run_of(prompt="O 🙂", count=2, length=3))
    assert side_panel(side, "stopped", notice="Stopped.")["notice"] == (
        "1 character outside the model's vocabulary left out: U+1F642. Stopped."
    )


def test_every_side_is_judged_by_every_model(sides: list[Side]) -> None:
    for side, panel in zip(sides, judged_panels(sides, 0), strict=True):
        units = [unit for _, unit in panel["stats"]]
        assert units[-2:] == [f"bits each by the {s.loaded.title}" for s in sides if s is not side]
        assert numbers(panel["bits"]) == pytest.approx(side.bits_by(side.loaded), rel=1e-6)


def test_one_model_s_bits_may_tint_all_texts(sides: list[Side]) -> None:
    for side, panel in zip(sides, judged_panels(sides, 2), strict=True):
        assert numbers(panel["bits"]) == pytest.approx(side.bits_by(sides[1].loaded), rel=1e-6)


def test_the_track_holds_both_models_bits_of_the_last_text(sides: list[Side]) -> None:
    value = saved_by_last(sides)
    assert value["characters"] == sides[-1].text
    assert value["names"] == ["MLP", "Bigram"]
    for shown, judge in zip(value["bits"], (sides[-1], sides[0]), strict=True):
        assert numbers(shown) == pytest.approx(sides[-1].bits_by(judge.loaded), rel=1e-6)


def test_a_model_saves_nothing_against_itself(zoo: Zoo) -> None:
    gpt = zoo.get("gpt")
    assert "two different models" in bits_saved(gpt, gpt, "a", [1.0], [1.0])["message"]
    assert "two different models" in bits_saved(gpt, zoo.get("bigram"), "a", [1.0], None)["message"]


def test_the_figures_of_a_visitor_s_text_are_the_score_s(zoo: Zoo) -> None:
    found = score(zoo.get("gpt"), "To be, or not")
    panel = scored_panel(zoo.get("gpt"), found)
    assert dict(map(reversed, panel["stats"]))["bits in all"] == f"{found.total:,.1f}"
    assert bits_of(found) == pytest.approx(found.bits.tolist())


def test_a_model_in_a_few_words(zoo: Zoo) -> None:
    assert describe_model(zoo.get("bigram")) == "4,225 parameters · sees 1 character"
    assert describe_model(zoo.get("gpt")) == "4.46 M parameters · sees 256 characters"
