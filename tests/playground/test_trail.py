"""The trail of beginnings: branch, undo, redo."""

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from nanogpt.playground.trail import MAX_TRAIL, branch, read_trail, remembered, walk

START: dict[str, Any] = {"beginnings": ["ROMEO:\n"], "at": 0}


def buttons(shown: tuple[Any, ...]) -> tuple[bool, bool]:
    """May one undo, and redo?"""
    return shown[-2].interactive, shown[-1].interactive


def test_a_new_beginning_is_remembered_and_the_same_one_is_not() -> None:
    trail = remembered("A", START)[0]
    assert trail == {"beginnings": ["ROMEO:\n", "A"], "at": 1}
    assert remembered("A", trail)[0] == trail
    assert START == {"beginnings": ["ROMEO:\n"], "at": 0}  # what was given is not changed


def test_undo_and_redo_give_the_beginnings_back() -> None:
    trail = remembered("B", remembered("A", START)[0])[0]
    prompt, undone, *shown = walk(trail, by=-1)
    assert prompt == "A"
    assert buttons(tuple(shown)) == (True, True)
    assert walk(undone, by=1)[0] == "B"
    assert walk(undone, 0)[0] == "ROMEO:\n"
    assert walk(undone, by=-9)[0] == "ROMEO:\n"
    with pytest.raises(gr.Error, match="Place in the trail must be a whole number from 0 to 2; got 99"):
        walk(undone, 99)


def test_a_new_beginning_cuts_off_what_was_undone() -> None:
    undone = walk(remembered("A", START)[0], by=-1)[1]
    assert remembered("C", undone)[0]["beginnings"] == ["ROMEO:\n", "C"]


def test_the_trail_has_an_end() -> None:
    trail = START
    for i in range(2 * MAX_TRAIL):
        trail = remembered(str(i), trail)[0]
    assert len(trail["beginnings"]) == MAX_TRAIL
    assert trail["at"] == MAX_TRAIL - 1


def test_a_branch_goes_on_from_the_alternative() -> None:
    prompt, trail, *_ = branch(START, gr.EventData(None, {"char": "x", "beginning": "ROMEO:\nth"}))
    assert prompt == trail["beginnings"][-1] == "ROMEO:\nthx"


@pytest.mark.parametrize("n", [1, 2])
def test_the_row_shows_only_where_there_is_something_to_choose(n: int) -> None:
    trail = START if n == 1 else remembered("a longer beginning\n", START)[0]
    _, row, menu, *_ = remembered(trail["beginnings"][-1], trail)
    assert row.visible is (n > 1)
    choices = menu.props["choices"]
    assert len(choices) == n
    assert choices[-1][0] == ("1: ROMEO:↵" if n == 1 else "2: …r␣beginning↵")


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (None, "Trail must hold 1 to 20 beginnings"),
        ({"beginnings": [], "at": 0}, "Trail must hold 1 to 20 beginnings"),
        ({"beginnings": ["a"] * 21, "at": 0}, "Trail must hold 1 to 20 beginnings"),
        ({"beginnings": ["a" * 2001], "at": 0}, "Prompt"),
        ({"beginnings": [7], "at": 0}, "Text"),
        ({"beginnings": ["a"], "at": 1}, "Place in the trail must be a whole number from 0 to 0; got 1"),
    ],
)
def test_what_the_browser_kept_is_checked(kept: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_trail(kept)


@pytest.mark.parametrize(
    "listener",
    [
        lambda: remembered(["x"], START),
        lambda: remembered("x" * 2001, START),
        lambda: remembered("x", None),
        lambda: walk(START, "one"),
        lambda: walk([START], by=1),
        lambda: branch(START, gr.EventData(None, None)),
        lambda: branch(START, gr.EventData(None, {"char": 1, "beginning": "a"})),
        lambda: branch(START, gr.EventData(None, {"char": "x" * 2001, "beginning": "a"})),
    ],
    ids=range(8),
)
def test_junk_is_refused_in_words(listener: Callable[[], Any]) -> None:
    """It was stored unchecked, so 300 sessions took 1.4 GB, or raised what a visitor reads as "null"."""
    with pytest.raises(gr.Error, match=" .*got .*|characters; the limit"):
        listener()
