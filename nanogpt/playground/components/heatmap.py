"""One attention head as a map: which earlier character each character looks at, and how strongly.

Knows characters and weights, never a model. The drawing is in heatmap.js and heatmap.css.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

TEMPLATE = """
<figure class="heatmap">
  <figcaption><h2 class="title"></h2><span class="subtitle"></span></figcaption>
  <p class="message"></p>
  <div class="shown">
    <div class="tools">
      <fieldset class="scales"><legend>colour scale</legend>
        <label title="square root: small weights stay visible"><input type="radio" value="root" checked
          aria-label="√ square root"><span>√</span></label>
        <label title="colour in proportion to the weight"><input type="radio" value="linear"
          ><span>linear</span></label>
        <label title="each row by its own largest weight"><input type="radio" value="row"
          ><span>row max</span></label>
      </fieldset>
      <div class="legend"><span>weight 0</span><canvas class="bar" width="256" height="1" role="img"
        aria-label="colour ramp"></canvas><span class="most"></span><i class="future"></i><span>future</span></div>
    </div>
    <div class="map" role="grid" tabindex="0" aria-readonly="true">
      <canvas class="cells" aria-hidden="true"></canvas>
      <div class="guide row-guide" aria-hidden="true"></div>
      <div class="guide column-guide" aria-hidden="true"></div>
      <div class="mark row-mark" aria-hidden="true"></div>
      <div class="mark column-mark" aria-hidden="true"></div>
      <div role="row"><div class="cell" role="gridcell"></div></div>
      <div class="tooltip" aria-hidden="true"></div>
    </div>
    <p class="spoken" aria-live="polite"></p>
    <p class="hint">Each row is a character looking back along its line. Hover or use the arrow keys to read a weight;
      click to hold it, click again or Esc to let go.</p>
  </div>
</figure>
"""


def heatmap(elem_id: str, label: str) -> gr.HTML:
    """An empty map; give it a `heatmap_value` or a `heatmap_message`. `label` names it for screen readers.

    Its `select` event fires whenever the reader's selection changes. A listener's `gr.EventData` holds `row` and
    `column` (from 0, or None when nothing is selected) and `locked` (True after a click, a tap or Enter).
    """
    beside = Path(__file__)
    return gr.HTML(
        heatmap_message("Generate a text to see what each character looks at."),
        label=label,
        elem_id=elem_id,
        html_template=TEMPLATE,
        css_template=beside.with_suffix(".css").read_text(encoding="utf-8"),
        js_on_load=beside.with_suffix(".js").read_text(encoding="utf-8"),
        apply_default_css=False,
    )


def heatmap_value(characters: Sequence[str], weights: np.ndarray, title: str, subtitle: str = "") -> dict[str, Any]:
    """The JSON that a heatmap draws.

    Args:
        characters: T characters, on both axes.
        weights: (T, T), row i the attention of character i over the characters 0 … i. What lies above the diagonal
            is the future, which nobody looks at: it is not sent.

    Raises:
        ValueError: if `weights` is not (T, T).
    """
    T = len(characters)
    if weights.shape != (T, T):
        raise ValueError(f"weights must have the shape ({T}, {T}) of {T} characters; got {weights.shape}.")
    lower = weights[np.tril_indices(T)].astype("<f4")  # (T (T + 1) / 2,), row by row
    return {
        "characters": list(characters),
        "weights": base64.b64encode(lower.tobytes()).decode("ascii"),
        "title": title,
        "subtitle": subtitle,
        "message": "",
    }


def heatmap_message(message: str, title: str = "", subtitle: str = "") -> dict[str, Any]:
    """The JSON of a heatmap that says `message` in place of a map."""
    return {"characters": [], "weights": "", "title": title, "subtitle": subtitle, "message": message}
