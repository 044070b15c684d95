"""The trail: the beginnings of a visit, and which of them stands on the page.

A branch is a new beginning, so going back to an earlier one gives the earlier text again, byte for byte.
"""

from typing import Any

import gradio as gr

from nanogpt.playground.components.glyphs import with_glyphs

MAX_TRAIL = 20


def remembered(prompt: str, trail: dict[str, Any]) -> tuple[Any, ...]:
    """A new beginning cuts off what was undone and goes to the end of the trail."""
    beginnings, at = trail["beginnings"], trail["at"]
    if beginnings[at] != prompt:
        beginnings = [*beginnings[: at + 1], prompt][-MAX_TRAIL:]
        at = len(beginnings) - 1
    return shown_trail({"beginnings": beginnings, "at": at})


def branch(explained: dict[str, Any], trail: dict[str, Any], event: gr.EventData) -> tuple[Any, ...]:
    """All sides go on from the alternative that was clicked in the card."""
    prompt = str(explained["beginning"]) + str(event.char)
    return (prompt, *remembered(prompt, trail))


def walk(trail: dict[str, Any], to: int | None = None, *, by: int = 0) -> tuple[Any, ...]:
    """Go to another beginning of the trail; the same beginning and seed give the same text, byte for byte."""
    last = len(trail["beginnings"]) - 1
    at = max(0, min(last, trail["at"] + by if to is None else int(to)))
    return (trail["beginnings"][at], *shown_trail({**trail, "at": at}))


def shown_trail(trail: dict[str, Any]) -> tuple[Any, ...]:
    beginnings, at = trail["beginnings"], trail["at"]
    ends = [("…" if len(b) > 12 else "") + with_glyphs(b[-12:]) for b in beginnings]
    labels = [(f"{i + 1}: {end}", i) for i, end in enumerate(ends)]
    return (
        trail,
        gr.Row(visible=len(beginnings) > 1),
        gr.Radio(choices=labels, value=at),
        gr.Button(interactive=at > 0),
        gr.Button(interactive=at < len(beginnings) - 1),
    )
