"""One side of a comparison: a beginning, its continuation, and how surprising each character was.

Knows characters and bits, never where they came from. The drawing is in text_panel.js and text_panel.css.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from nanogpt.playground.components.loader import load_component

STATUSES = ("idle", "running", "done", "stopped")


def text_panel(elem_id: str, label: str) -> gr.HTML:
    """An empty panel; give it a `text_value` to draw. `label` names it for screen readers.

    Its `select` event fires whenever the reader's selection changes. The element of class `text-panel` then names the
    selected character as "part.index" in its attribute `data-selected`, where part is "prompt" or "text" and index
    counts from 0; the attribute is empty when none is selected.

    The page's own script may dispatch two DOM events on that element: `new CustomEvent("hold", {detail: {part,
    index}})` locks a character as a click does; `new CustomEvent("stop")` turns the status "running" into "stopped".
    """
    return load_component("text_panel", text_value(label), elem_id, label)


def text_value(
    title: str,
    subtitle: str = "",
    prompt: str = "",
    text: str = "",
    bits: Sequence[float] = (),
    stats: Sequence[tuple[str, str]] = (),
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
        stats: (number, unit) pairs for the footer, both as they should read, e.g. ("742", "/s").
        notice: one sentence under the text.
        status: one of `STATUSES`; "running" shows a caret.
        run: the id of the run that this belongs to. The panel ignores the value unless the page's script wants that
            run: `playground.wanted(run)`. None if it belongs to no run: it is always drawn.

    Raises:
        ValueError: if `bits` and `text` differ in length, or `status` is unknown.
    """
    if len(bits) not in (0, len(text)):
        raise ValueError(f"bits must hold one number per character of text, {len(text)}; got {len(bits)}.")
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
        "stats": [list(pair) for pair in stats],
        "notice": notice,
        "status": status,
    }
    return value if run is None else {**value, "run": run}
