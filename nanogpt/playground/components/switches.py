"""A grid of a transformer's parts, each of which the reader may switch off, and a few named experiments.

Knows names and numbers, never a model. The drawing is in switches.js and switches.css.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from nanogpt.playground.components.loader import load_component


def switches(
    elem_id: str,
    label: str,
    *,
    layers: int = 0,
    heads: int = 0,
    mlps: bool = False,
    costs: Mapping[str, float] | None = None,
    experiments: Sequence[Mapping[str, Any]] = (),
    result: str = "",
    disabled: str = "",
) -> gr.HTML:
    """Switches whose value is the list of the parts that are off, such as ["1.2", "5.mlp"], in the model's order.

    Its `input` event fires when the reader switches parts, and `reset` after it for everything on. Its `experiment`
    event fires when the reader chooses an experiment, which has then become the value; the listener's `gr.EventData`
    holds `index`. Update the props with `gr.HTML(layers=…)`; where the switches may not be drawn yet, give all of them.

    Args:
        layers, heads, mlps: how many layers the model has, how many heads each has, and whether it has an MLP.
        costs: for a part, for a layer such as "2", for "attention" and for "mlps": the bits per character that it costs
            on unseen text to switch it off. They may be missing.
        experiments: of each "name"; "off", names of parts, or of groups as in `costs`; "watch", a sentence that says
            what to look at.
        result: a sentence above the grid: what the switches have changed.
        disabled: why nothing can be switched, in place of the grid's hint; "" if it can. A model without layers has no
            grid.
    """
    return load_component(
        "switches",
        [],
        elem_id,
        label,
        layers=layers,
        heads=heads,
        mlps=mlps,
        costs=dict(costs or {}),
        experiments=[{key: given[key] for key in ("name", "off", "watch")} for given in experiments],
        result=result,
        disabled=disabled,
    )
