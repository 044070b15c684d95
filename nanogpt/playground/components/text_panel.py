"""One side of a comparison: a beginning, its continuation, and how surprising each character was.

Knows characters and bits, never where they came from. The drawing is in text_panel.js and text_panel.css.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from nanogpt.playground.components.loader import load_component

STATUSES = ("idle", "running", "done", "stopped")


def text_panel(elem_id: str, label: str, group: str = "compare", side: int = 1) -> gr.HTML:
    """An empty panel; give it a `text_value` to draw. `label` names it for screen readers.

    `group` is the set of views that mark the same character; `side` is the number of this text among them, from 1. They
    tell each other by DOM events on the document (see shared.js): `point`, `step` and `stale`.

    The element of class `text-panel` names the selected character of its text as "part.index" in its attribute
    `data-selected`, where part is "prompt" or "text" and index counts from 0; the attribute is empty when none is
    selected.

    The page's own script may dispatch two DOM events on that element: `new CustomEvent("hold", {detail: {part,
    index}})` locks a character as a click does; `new CustomEvent("stop")` turns the status "running" into "stopped".
    """
    return load_component("text_panel", text_value(label), elem_id, label, group=group, side=side)


def text_value(
    title: str,
    subtitle: str = "",
    prompt: str = "",
    text: str = "",
    bits: Sequence[float] = (),
    shared: str = "",
    colour: int = 0,
    stats: Sequence[tuple[str, str, str]] = (),
    notice: str = "",
    status: str = "idle",
    run: int | None = None,
) -> dict[str, Any]:
    """The JSON that a text panel draws.

    Args:
        prompt: the beginning, drawn muted.
        text: what follows it; when it extends the text shown before, only the new characters are drawn.
        bits: the surprise of each character of `text`, −log2 of its probability; or empty: no tint. An infinite or
            undefined surprise is shown without a tint and without a number.
        shared: "1" for each character of `text` that all sides wrote at its place, which is underlined, else "0"; or
            empty: no marks.
        colour: the number of the model's colour in shared.css, drawn as a square; 0 for none.
        stats: (words, number, unit) for the footer, as they should read, e.g. ("GPT needs", "5.19", "").
        notice: one sentence under the text.
        status: one of `STATUSES`; "running" shows a caret, and after it what the text before had beyond.
        run: the id of the run that this belongs to. The panel ignores the value unless the page's script wants that
            run: `playground.wanted(run)`. None if it belongs to no run: it is always drawn.

    Raises:
        ValueError: if `bits` or `shared` and `text` differ in length, or `status` is unknown.
    """
    if len(bits) not in (0, len(text)):
        raise ValueError(f"bits must hold one number per character of text, {len(text)}; got {len(bits)}.")
    if len(shared) not in (0, len(text)):
        raise ValueError(f"shared must hold one digit per character of text, {len(text)}; got {len(shared)}.")
    if status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}; got {status!r}.")
    value = {
        "title": title,
        "subtitle": subtitle,
        "prompt": prompt,
        "text": text,
        # One string: Gradio's front end walks every element of a list at every update, and sends a string that only
        # grew as its growth. With all digits: rounded here and again where it is drawn, 2.5748 would read 2.58.
        "bits": " ".join(f"{b:.8g}" for b in bits),
        "shared": shared,
        "colour": colour,
        "stats": [list(stat) for stat in stats],
        "notice": notice,
        "status": status,
    }
    return value if run is None else {**value, "run": run}
