"""One side of a comparison: a beginning, its continuation, and how surprising each character was.

Knows characters and bits, never where they came from. The drawing is in text.js and text.css.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

STATUSES = ("idle", "running", "done", "stopped", "error")

TEMPLATE = """
<article class="text-panel">
  <header><h2 class="title"></h2><span class="subtitle"></span></header>
  <div class="reading" role="textbox" aria-readonly="true" aria-multiline="true" tabindex="0"
    ><span class="prompt"></span><span class="text"></span><span class="caret" aria-hidden="true"></span
    ><span class="box" aria-hidden="true" hidden></span></div>
  <p class="notice" role="status"></p>
  <p class="stats"></p>
  <p class="description" aria-live="polite"><span class="lead"></span><span class="glyph"></span
    ><span class="rest"></span></p>
</article>
"""

LEGEND = """
<p class="surprise-legend">surprise of each character, bits <span>0</span><i></i><span>8</span></p>
"""

LEGEND_STYLE = """
.html-container:has(> &) { padding: 0; }
.surprise-legend { display: flex; flex-wrap: wrap; align-items: center; gap: 0 .5em; margin: 0; font-size: 13px;
  color: var(--body-text-color-subdued); }
i { width: 7em; height: 10px; border-radius: 3px;
  background: linear-gradient(to right, rgb(232 112 42 / 0%), rgb(232 112 42 / 70%)); }
"""


def text_panel(elem_id: str, label: str) -> gr.HTML:
    """An empty panel; give it a `text_value` to draw. `label` names it for screen readers.

    Its `select` event fires whenever the reader's selection changes. The element of class `text-panel` then names the
    selected character as "part.index" in its attribute `data-selected`, where part is "prompt" or "text" and index
    counts from 0; the attribute is empty when none is selected. The page holds a character by dispatching the DOM event
    `new CustomEvent("hold", {detail: {part, index}})` on that element.
    """
    beside = Path(__file__)
    return gr.HTML(
        text_value(label),
        label=label,
        elem_id=elem_id,
        html_template=TEMPLATE,
        css_template=beside.with_suffix(".css").read_text(encoding="utf-8"),
        js_on_load=beside.with_suffix(".js").read_text(encoding="utf-8"),
        apply_default_css=False,
    )


def text_value(
    title: str,
    subtitle: str = "",
    prompt: str = "",
    text: str = "",
    bits: Sequence[float] = (),
    stats: Sequence[tuple[str, str]] = (),
    notice: str = "",
    status: str = "idle",
) -> dict[str, Any]:
    """The JSON that a text panel draws.

    Args:
        prompt: the beginning, drawn muted.
        text: what follows it; when it extends the text shown before, only the new characters are drawn.
        bits: the surprise of each character of `text`, −log2 of its probability; or empty: no tint. An infinite or
            undefined surprise is shown without a tint and without a number.
        stats: (number, unit) pairs for the footer, both as they should read, e.g. ("742", "/s").
        notice: one sentence under the text, drawn as an error if `status` is "error".
        status: one of `STATUSES`; "running" shows a caret.

    Raises:
        ValueError: if `bits` and `text` differ in length, or `status` is unknown.
    """
    if len(bits) not in (0, len(text)):
        raise ValueError(f"bits must hold one number per character of text, {len(text)}; got {len(bits)}.")
    if status not in STATUSES:
        raise ValueError(f"status must be one of {', '.join(STATUSES)}; got {status!r}.")
    return {
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


def surprise_legend() -> gr.HTML:
    """The key to the tint behind the letters; one on a page is enough."""
    return gr.HTML(html_template=LEGEND, css_template=LEGEND_STYLE, js_on_load=None, apply_default_css=False)
