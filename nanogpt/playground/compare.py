"""Compare: two to four models continue the same beginning with the same luck, side by side.

Builds the tab and wires its events; what happens at them stands in duel.py, selection.py, trail.py and takeaway.py.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import gradio as gr

from nanogpt.analysis.trace import trace
from nanogpt.checks import whole
from nanogpt.playground.components.card import card
from nanogpt.playground.components.text import selected_character, surprise_legend, text_panel, text_value
from nanogpt.playground.components.track import track
from nanogpt.playground.controls import EXAMPLES, MAX_SIDES, Controls, Run, build_controls, refit
from nanogpt.playground.duel import FRAME, PREVIEW, SELDOM, Side, duel, saved_by_last, verdicts
from nanogpt.playground.limits import AT_ONCE, LATEST, MODEL_LIMIT, QUIET, refused
from nanogpt.playground.selection import UP_TO_SELECTED, explanation
from nanogpt.playground.takeaway import as_api_call, as_command
from nanogpt.playground.trail import branch, remembered, walk
from nanogpt.storage.zoo import Zoo


@dataclass(frozen=True)
class CompareTab:
    """What other parts of the page need of this tab."""

    controls: Controls
    panels: list[gr.HTML]
    by_sides: list[Any]  # what `refit` sets
    selection: gr.Textbox  # "side_1.text.60", the name of the character that the card explains, or ""
    copy_link: gr.Button
    run_after: Callable[[Any], Any]  # event → a run follows it
    complete: gr.Number  # how many runs have been completed


def compare_tab(zoo: Zoo) -> CompareTab:
    """Build the tab inside the current Blocks and wire its events."""
    names = zoo.names
    defaults = [n for n in ("bigram", "gpt", "trigram", "self_attention") if n in names] or names or [None]

    with gr.Column(elem_classes="controls"):
        controls = build_controls()
        with gr.Row(elem_classes="actions"):
            go = gr.Button("Generate", variant="primary", elem_id="generate", scale=0, min_width=140)
            stop = gr.Button("Stop", elem_id="stop", scale=0, min_width=100)
            copy_link = gr.Button("Copy link", elem_id="copy_link", scale=0, min_width=120)
            surprise_legend()
        with gr.Row(visible=False, elem_id="trail_row") as trail_row:
            trail_view = gr.Radio(
                [], label="Trail", elem_id="trail", info="the beginnings so far; choose one to go back"
            )
            undo = gr.Button("Undo", elem_id="undo", scale=0, min_width=90)
            redo = gr.Button("Redo", elem_id="redo", scale=0, min_width=90)

    panels, columns = [], []
    with gr.Row(elem_classes="sides", equal_height=True):
        for i in range(MAX_SIDES):
            with gr.Column(visible=i < 2, elem_classes="side", min_width=320) as column:
                controls.models.append(
                    gr.Dropdown(
                        zoo.choices,
                        value=defaults[i % len(defaults)],
                        label=f"Model {i + 1}",
                        elem_id=f"model_{i + 1}",
                        container=False,
                    )
                )
                panels.append(text_panel(f"side_{i + 1}", f"Text of model {i + 1}"))
            columns.append(column)
    with gr.Row(elem_classes="sides", equal_height=True):
        with gr.Column(min_width=320):
            saved = track("saved", "Bits saved")
        with gr.Column(min_width=320):
            explained = card("card", "One character, explained")
    with gr.Accordion("Take it away: text, command, API call, trace", open=False, elem_id="takeaway"):
        with gr.Row(elem_classes="actions"):
            which = gr.Radio([1, 2], value=2, label="Of model", elem_id="which", scale=0, min_width=160)
            copy_text = gr.Button("Copy text", elem_id="copy_text", scale=0, min_width=120)
            download = gr.Button("Download trace", elem_id="download", scale=0, min_width=160)
        command = gr.Textbox(label="The same run as a command", lines=2, buttons=["copy"], elem_id="command")
        api_call = gr.Textbox(label="The same run as an API call", lines=6, buttons=["copy"], elem_id="api_call")
        traced = gr.Textbox(visible="hidden", elem_id="traced", label="Trace")
    trail = gr.State({"beginnings": [EXAMPLES[0]], "at": 0})
    selection = gr.Textbox(visible="hidden", elem_id="selection", label="Selected character")
    compared = gr.State()  # what `saved` draws once a run is complete
    again = gr.Number(0, visible="hidden", elem_id="again", label="Runs asked for by other events")
    complete = gr.Number(0, visible="hidden", elem_id="complete", label="Runs completed")

    # --- running ---
    def compare(*values):  # type: ignore[no-untyped-def]
        """A run; while a slider is held, only its first frame, so that the next value has its turn at once."""
        values, pace = values[:-1], values[-1]
        if pace == WITHDRAWN:
            return
        held, frame = pace == HELD, {HELD: PREVIEW, MOVED: SELDOM}.get(pace, FRAME)
        with refused():
            run = Run.of(values)
            # An unused panel gets an empty value: gr.skip() costs Gradio more than a frame of text.
            unused = [text_value("")] * (MAX_SIDES - len(run.names))
            sides: list[Side] = []
            try:
                for sides in duel(zoo, run.prompt, run.names, run.params, run.method, run.width, frame):
                    if pace in (HELD, MOVED) and len(sides[0].ids) == 1:
                        continue  # a text that shrinks to one character at every step would flicker
                    yield [side.value("running") for side in sides] + unused + [gr.skip()]
                    if held:
                        return
            except TimeoutError as error:
                yield [side.value("stopped", notice=str(error)) for side in sides] + unused + [gr.skip()]
            else:
                yield [side.value("done") for side in sides] + unused + [gr.skip()]  # judging takes a moment
                yield verdicts(sides, run.colour) + unused + [saved_by_last(sides)]

    def take_away(request: gr.Request, which, *values):  # type: ignore[no-untyped-def]
        with refused():
            run = Run.of(values)
            name = run.names[whole("Model", which, 1, len(run.names)) - 1]
            url = request.headers.get("origin") or str(request.base_url)
            how = (name, run.prompt, run.params, run.width if run.method == "beam" else 0)
            return as_command(*how), as_api_call(*how, url)

    def explain(selection, *values):  # type: ignore[no-untyped-def]
        """The card of one character. `values` are the controls, then what each panel shows up to that character."""
        with refused():
            return explanation(zoo, selection, Run.of(values[: -len(panels)]), values[-len(panels) :])

    explain_with: dict[str, Any] = {
        "fn": explain,
        "inputs": [selection, *controls.all, *panels],
        "outputs": explained,
        "js": UP_TO_SELECTED,
    }
    take_with: dict[str, Any] = {"fn": take_away, "inputs": [which, *controls.all], "outputs": [command, api_call]}
    c = controls
    moved: list[Any] = [c.temperature, c.top_k, c.top_p, c.length, c.seed, c.method, c.width, c.colour]
    chosen = [model.select for model in c.models]  # a menu's `input` also fires when the focus only passes through
    pressed = [go.click, c.prompt.submit]
    # One request at a time, and the latest value wins: dragging a slider never queues up runs, and no two of them
    # ever write into the panels in turn.
    ran = gr.on(
        [*pressed, *chosen, *(control.input for control in moved), again.change],
        compare,
        [*controls.all, again],
        [*panels, compared],
        js=PACE,
        **QUIET,
        **MODEL_LIMIT,
        **LATEST,
    )
    ran.success(None, complete, complete, js=COMPLETED, **AT_ONCE)
    complete.change(lambda value: value, compared, saved, **AT_ONCE)
    complete.change(**take_with, **AT_ONCE)
    complete.change(**explain_with, **QUIET, **MODEL_LIMIT)
    sliders = [control.release for control in moved if isinstance(control, gr.Slider)]
    gr.on(sliders, None, again, again, js=RELEASED, **AT_ONCE)

    def run_after(event):  # type: ignore[no-untyped-def]
        event.then(None, again, again, js="(times) => times + 1", **AT_ONCE)

    which.change(**take_with, **AT_ONCE)
    selection.change(**explain_with, **QUIET, **MODEL_LIMIT, **LATEST)
    for panel in panels:  # in the browser: two answers from a server could overtake each other
        panel.select(None, selection, selection, js=selected_character(str(panel.elem_id)), **AT_ONCE)
    copy_text.click(None, [which, *panels], None, js=COPY_TEXT, **AT_ONCE)

    def trace_of(which, *values):  # type: ignore[no-untyped-def]
        with refused():
            run = Run.of(values)
            if run.method == "beam":
                raise ValueError("A trace tells how each character was drawn; beam search draws none. Choose Sample.")
            loaded = zoo.get(run.names[whole("Model", which, 1, len(run.names)) - 1])
            return json.dumps(trace(loaded, loaded.read_prompt(run.prompt), **asdict(run.params)))

    download.click(trace_of, [which, *controls.all], traced, **QUIET, **MODEL_LIMIT).success(
        None, traced, None, js=DOWNLOAD, **AT_ONCE
    )

    by_sides = [*columns, controls.colour, which]
    on_count: dict[str, Any] = {**AT_ONCE, "show_progress_on": controls.count}  # see limits.py
    run_after(controls.count.input(refit, [controls.count, controls.colour], by_sides, **on_count))
    controls.method.change(
        lambda method: gr.Slider(visible=method == "beam"), controls.method, controls.width, **AT_ONCE
    )

    # --- branching: the trail of beginnings ---
    trail_outputs = [trail, trail_row, trail_view, undo, redo]
    gr.on(pressed, remembered, [controls.prompt, trail], trail_outputs, **AT_ONCE)
    branched = explained.branch(branch, [explained, trail], [controls.prompt, *trail_outputs], **AT_ONCE)
    for event in (
        branched,
        undo.click(partial(walk, by=-1), trail, [controls.prompt, *trail_outputs], **AT_ONCE),
        redo.click(partial(walk, by=1), trail, [controls.prompt, *trail_outputs], **AT_ONCE),
        trail_view.input(walk, [trail, trail_view], [controls.prompt, *trail_outputs], **AT_ONCE),
    ):
        run_after(event)

    # The text so far stays as it is; only the caret goes. At once in the browser, and again a moment later: a frame
    # may have been under way.
    stopped: dict[str, Any] = {"fn": None, "inputs": panels, "outputs": panels, "js": STOPPED, **AT_ONCE}
    stop.click(None, js=WITHDRAW, **AT_ONCE)
    stop.click(None, cancels=[ran], **AT_ONCE)
    stop.click(**stopped)
    stop.click(None, js=A_MOMENT, **AT_ONCE).then(**stopped)
    return CompareTab(controls, panels, by_sides, selection, copy_link, run_after, complete)


STOPPED = (
    """(...sides) => sides.map((side) => side && side.status === "running" ? {...side, status: "stopped"} : side)"""
)

# A run that waits for its turn begins when the one before it is cut off. Once Stop is pressed, none begins until the
# visitor does something else.
WITHDRAW = """() => {
  const {dataset} = document.body;
  dataset.halted = "yes";
  for (const done of ["click", "input", "keydown", "pointerdown"])
    document.addEventListener(done, () => { dataset.halted = ""; }, {capture: true, once: true});
}"""

# How a run comes to the page. While a slider is held, a run is a preview; when it is let go after one, the whole text
# follows. (Gradio fires a slider's release also when its number box merely loses the focus.)
HELD, MOVED, WITHDRAWN = 1, 2, 3
PACE = """(...values) => {
  if (document.body.dataset.halted) return [...values.slice(0, -1), 3];
  const held = document.querySelector("input[type=range]:active") !== null;
  const moved = document.body.dataset.preview || document.activeElement?.matches("input[type=range]");
  document.body.dataset.preview = held ? "shown" : "";
  return [...values.slice(0, -1), held ? 1 : moved ? 2 : 0];
}"""

COMPLETED = """(runs) => (document.body.dataset.preview ? runs : runs + 1)"""

RELEASED = """(times) => (document.body.dataset.preview ? times + 1 : times)"""

A_MOMENT = "() => new Promise((done) => setTimeout(done, 250))"

COPY_TEXT = """(which, ...sides) => {
  const side = sides[which - 1];
  if (side) navigator.clipboard.writeText(side.prompt + side.text);
}"""

DOWNLOAD = """(trace) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([trace], {type: "application/json"}));
  link.download = "trace.json";
  link.click();
  URL.revokeObjectURL(link.href);
}"""
