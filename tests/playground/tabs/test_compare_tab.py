"""The Compare tab's handlers, called as Gradio calls them."""

import json
import re
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from blocks import in_blocks
from written import answers_of

from nanogpt.generation.continuation import generate
from nanogpt.playground.fields import FIELDS
from nanogpt.playground.page import Page
from nanogpt.playground.tabs import compare_tab as module
from nanogpt.playground.tabs.compare_tab import FRAMES, CompareTab
from nanogpt.storage.zoo import Zoo

WHOLE = {"id": 7, "pace": "whole"}
REQUEST = SimpleNamespace(headers={"origin": "http://here"}, base_url="http://other")


@pytest.fixture(scope="module")
def tab(zoo: Zoo) -> CompareTab:
    def wired() -> CompareTab:
        tab = CompareTab(Page(zoo))
        tab.wire()
        return tab

    return in_blocks(wired)


def values(tab: CompareTab, **changed: Any) -> list[Any]:
    """What stands in the controls."""
    return [changed.get(f.name, tab.stage.controls[f.name].value) for f in FIELDS]


def frames_of(tab: CompareTab, *given: Any) -> list[Any]:
    return answers_of(tab.run, *given)


def test_a_run_ends_with_what_its_models_write(tab: CompareTab, zoo: Zoo) -> None:
    *frames, last = frames_of(tab, WHOLE, *values(tab, length=40))
    panels, (saved, cards) = last[:-1], last[-1]
    for panel, name in zip(panels, ("bigram", "gpt"), strict=False):
        assert panel["text"] == generate(zoo.get(name), "ROMEO:\n", max_new_tokens=40)
        assert panel["status"] == "done"
    assert [panel["text"] for panel in panels[2:]] == ["", ""]  # the sides that are not shown
    assert saved["characters"] == panels[1]["text"]
    assert [side["text"] for side in cards["sides"]] == [panel["text"] for panel in panels[:2]]
    assert cards["run"] == 7
    assert all(panel["run"] == 7 for frame in [*frames, last] for panel in frame[:2])
    assert {frame[0]["status"] for frame in frames} <= {"running", "done"}


def test_a_request_that_was_withdrawn_runs_nothing(tab: CompareTab) -> None:
    (frame,) = frames_of(tab, None, *values(tab))
    assert frame == [gr.skip()] * 5


def test_a_preview_is_one_frame_of_more_than_one_character(tab: CompareTab) -> None:
    """A text that shrank to one character at every step of a slider flickered."""
    (frame,) = frames_of(tab, {"id": 1, "pace": "preview"}, *values(tab, length=2000))
    assert [panel["status"] for panel in frame[:2]] == ["running", "running"]
    assert 1 < len(frame[0]["text"]) < 2000


def test_every_pace_has_its_frame_rate_and_page_js_knows_them() -> None:
    script = (module.__file__.rpartition("/tabs/")[0]) + "/page.js"
    with open(script, encoding="utf-8") as f:
        (line,) = [line for line in f if "pace:" in line]
    assert set(re.findall(r'"(\w+)"', line)) == set(FRAMES)


def test_a_run_that_takes_too_long_keeps_its_text(tab: CompareTab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab.page.comparer.engine, "time_limit", 0.2)
    *_, last = frames_of(tab, WHOLE, *values(tab, length=2000))
    assert last[1]["status"] == "stopped"
    assert last[1]["notice"] == "Stopped after 0.2 seconds."
    assert last[1]["text"]


def test_a_refused_value_is_a_message(tab: CompareTab) -> None:
    with pytest.raises(gr.Error, match="Temperature must be a number from 0 to 2; got 9"):
        frames_of(tab, WHOLE, *values(tab, temperature=9))


def test_finish_fills_track_card_and_commands_at_once(tab: CompareTab) -> None:
    found = tab.finish(REQUEST, ({"title": "track"}, {"run": 7}), 2, *values(tab))
    assert found[:2] == ({"title": "track"}, {"run": 7})
    assert "--model gpt" in found[2]
    assert "Client('http://here')" in found[3]


def test_show_all_gives_every_row_and_its_noise(tab: CompareTab, zoo: Zoo) -> None:
    shown = {"model": "gpt", "prompt": "ROMEO:\n", "text": "The"}
    rows = tab.explain("side_2.text.2", *values(tab), None, shown, None, None).props["all"]
    assert rows["glyph_char"] == "e"
    assert len(rows["rows"]) == len(rows["noise"]) == 65


@pytest.mark.parametrize("side", [0, 3, None, "gpt"])
def test_only_a_side_that_is_shown_has_a_command(side: Any, tab: CompareTab) -> None:
    with pytest.raises(gr.Error, match="Model must be a whole number from 1 to 2"):
        tab.take_away(REQUEST, side, *values(tab))


def test_a_trace_is_that_of_the_chosen_side(tab: CompareTab, zoo: Zoo) -> None:
    trace = json.loads(tab.trace(1, *values(tab, length=5)))
    assert trace["model"] == "bigram"
    assert trace["text"] == generate(zoo.get("bigram"), "ROMEO:\n", max_new_tokens=5)
    with pytest.raises(gr.Error, match="beam search draws none"):
        tab.trace(1, *values(tab, method="beam"))


def test_the_number_of_sides_decides_what_is_shown(tab: CompareTab) -> None:
    *columns, colour, side, _ = tab.refit(3, 4)
    assert [column.visible for column in columns] == [True, True, True, False]
    assert colour.value == 3
    assert side.props["choices"] == [("1", 1), ("2", 2), ("3", 3)]
    with pytest.raises(gr.Error, match="Sides must be a whole number from 2 to 4"):
        tab.refit(5)


@pytest.mark.parametrize(
    ("method", "temperature", "disabled"),
    [
        ("sample", 0.8, {"width"}),
        ("sample", 0, {"width", "top_k", "top_p", "seed"}),
        ("beam", 0.8, {"temperature", "top_k", "top_p", "seed"}),
    ],
)
def test_a_control_without_effect_is_disabled_and_says_why(
    method: str, temperature: float, disabled: set[str], tab: CompareTab
) -> None:
    reasons = dict(zip(module.WITHOUT, tab.refit_effect(method, temperature), strict=True))
    assert {name for name, part in reasons.items() if part.props["disabled"]} == disabled
    assert all(part.props["info"] for part in reasons.values())  # an update keeps the other properties


def test_a_link_decides_that_too_and_keeps_its_values(tab: CompareTab) -> None:
    update = {part.elem_id: new for part, new in tab.refit_for_link({"method": "beam", "seed": 9}).items()}
    assert (update["seed"].value, bool(update["seed"].props["disabled"])) == (9, True)
    assert update["width"].props["disabled"] == ""
    with pytest.raises(gr.Error, match="Method must be one of beam, sample; got greedy"):
        tab.refit_effect("greedy", 1)


def test_a_link_holds_every_control_and_the_selected_character(tab: CompareTab) -> None:
    assert list(tab.page.linked) == [*(f.link_key for f in FIELDS), "selected"]
