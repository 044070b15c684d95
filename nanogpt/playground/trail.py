"""The trail: the beginnings of a visit, and which of them stands on the page.

A branch is a new beginning, so going back to an earlier one gives the earlier text again, byte for byte. The browser
keeps the trail, so a reload does not lose it; what comes back from there is checked.
"""

from typing import Any

import gradio as gr

from nanogpt.checks import shown, whole
from nanogpt.playground.components.glyphs import with_glyphs
from nanogpt.playground.fields import prompt_within_limit
from nanogpt.playground.limits import refused
from nanogpt.playground.page import told

MAX_TRAIL = 20
Trail = dict[str, Any]  # {"beginnings": the prompts, "at": the index of the one on the page}


def read_trail(trail: Any) -> Trail:
    """The trail that the browser kept. Raises ValueError for anything else."""
    beginnings = trail.get("beginnings") if isinstance(trail, dict) else None
    if not isinstance(beginnings, list) or not 0 < len(beginnings) <= MAX_TRAIL:
        raise ValueError(f"Trail must hold 1 to {MAX_TRAIL} beginnings; got {shown(beginnings)}.")
    for beginning in beginnings:
        prompt_within_limit(beginning)
    return {"beginnings": beginnings, "at": whole("Place in the trail", trail.get("at"), 0, len(beginnings) - 1)}


def remembered(prompt: Any, trail: Any) -> tuple[Any, ...]:
    """A new beginning cuts off what was undone and goes to the end of the trail."""
    with refused():
        prompt_within_limit(prompt)
        trail = read_trail(trail)
    beginnings, at = trail["beginnings"], trail["at"]
    if beginnings[at] != prompt:
        beginnings = [*beginnings[: at + 1], prompt][-MAX_TRAIL:]
        at = len(beginnings) - 1
    return shown_trail({"beginnings": beginnings, "at": at})


def branch(trail: Any, event: gr.EventData) -> tuple[Any, ...]:
    """All sides go on from the alternative that was clicked in the card."""
    beginning, char = told(event, "beginning"), told(event, "char")
    with refused():
        if not isinstance(beginning, str) or not isinstance(char, str):
            raise ValueError(f"A branch must be a text and a character; got {shown([beginning, char])}.")
    prompt = beginning + char
    return (prompt, *remembered(prompt, trail))


def walk(trail: Any, to: Any = None, *, by: int = 0) -> tuple[Any, ...]:
    """Go to another beginning of the trail; the same beginning and seed give the same text, byte for byte."""
    with refused():
        trail = read_trail(trail)
        last = len(trail["beginnings"]) - 1
        at = max(0, min(last, trail["at"] + by)) if to is None else whole("Place in the trail", to, 0, last)
    return (trail["beginnings"][at], *shown_trail({**trail, "at": at}))


def shown_trail(trail: Trail) -> tuple[Any, ...]:
    """The trail, and what shows it: its row, its menu, Undo and Redo."""
    beginnings, at = trail["beginnings"], trail["at"]
    ends = [("…" if len(b) > 12 else "") + with_glyphs(b[-12:]) for b in beginnings]
    labels = [(f"{i + 1}: {end}", i) for i, end in enumerate(ends)]
    return (
        trail,
        gr.Row(visible=len(beginnings) > 1),
        gr.HTML(choices=labels, value=at),
        gr.Button(interactive=at > 0),
        gr.Button(interactive=at < len(beginnings) - 1),
    )
