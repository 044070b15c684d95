"""Compare: two to four models continue the same beginning with the same luck, side by side.

Builds the tab and wires its events; what is computed stands in duel.py, explain.py and takeaway.py.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import gradio as gr

from nanogpt import checks
from nanogpt.checks import whole
from nanogpt.continuation import MAX_BEAM
from nanogpt.explain import alternatives, probability_of
from nanogpt.playground.components.card import card, card_message, card_value
from nanogpt.playground.components.text import surprise_legend, text_panel
from nanogpt.playground.components.track import track, track_message, track_value
from nanogpt.playground.duel import METHODS, Side, duel, verdicts
from nanogpt.playground.limits import MODEL_LIMIT, refused
from nanogpt.playground.takeaway import as_api_call, as_command, trace
from nanogpt.prompt import MAX_PROMPT
from nanogpt.sampling import MAX_NEW_TOKENS, MAX_SEED, SamplingParams
from nanogpt.zoo import Zoo

MAX_SIDES = 4
MAX_TRAIL = 20
GLYPHS = str.maketrans({"\n": "↵", " ": "␣", "\t": "⇥"})
EXAMPLES = ["ROMEO:\n", "To be, or not to be", "KING RICHARD III:\nNow", "First Citizen:\n"]
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}


@dataclass(frozen=True)
class Controls:
    """The inputs of a run, in the order in which every handler takes them."""

    prompt: gr.Textbox
    temperature: gr.Slider
    top_k: gr.Slider
    top_p: gr.Slider
    length: gr.Slider
    seed: gr.Number
    method: gr.Radio
    width: gr.Slider
    count: gr.Radio
    colour: gr.Radio
    models: list[gr.Dropdown]

    @property
    def all(self) -> list[Any]:
        return [
            self.prompt, self.temperature, self.top_k, self.top_p, self.length, self.seed,
            self.method, self.width, self.count, self.colour, *self.models,
        ]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """The checked values of the controls. Raises ValueError with a written message."""

    prompt: str
    params: SamplingParams
    method: str
    width: int
    colour: int
    names: list[str]

    @classmethod
    def of(cls, values: Sequence[Any]) -> "Run":
        prompt, temperature, top_k, top_p, length, seed, method, width, count, colour, *names = values
        sides = whole("Sides", count, 2, MAX_SIDES)
        params = SamplingParams(temperature, top_k, top_p, length, seed)
        return cls(prompt, params, method, width, min(whole("Colour", colour, 0, MAX_SIDES), sides), names[:sides])


def build_controls() -> Controls:
    """The inputs at the top of the tab, without the models: they stand above their panels."""
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            prompt = gr.Textbox(
                EXAMPLES[0], label="Beginning", lines=3, max_lines=6, max_length=MAX_PROMPT, elem_id="prompt",
                info="the models continue it, character by character",
            )  # fmt: skip
            gr.Examples([[e] for e in EXAMPLES], [prompt], label="or one of these", elem_id="examples")
        with gr.Column(scale=3, min_width=280):
            with gr.Row():
                temperature = gr.Slider(
                    0, 2, 0.8, step=0.01, label="Temperature", elem_id="temperature", min_width=170, buttons=[],
                    info="0 always takes the likeliest; 2 is wild",
                )  # fmt: skip
                top_k = gr.Slider(
                    0, 65, 0, step=1, label="Top-k", elem_id="top_k", min_width=170, buttons=[],
                    info="only the k likeliest may be drawn; 0 is off",
                )  # fmt: skip
                top_p = gr.Slider(
                    0.01, 1, 1, step=0.01, label="Top-p", elem_id="top_p", min_width=170, buttons=[],
                    info="only the likeliest that hold this share; 1 is off",
                )  # fmt: skip
            with gr.Row():
                length = gr.Slider(
                    1, MAX_NEW_TOKENS, 300, step=1, label="Characters", elem_id="length", min_width=170, buttons=[],
                    info="how many to write",
                )  # fmt: skip
                seed = gr.Number(
                    1, label="Seed", precision=0, minimum=0, maximum=MAX_SEED, elem_id="seed", min_width=170,
                    info="the same seed is the same luck",
                )  # fmt: skip
                count = gr.Radio(
                    list(range(2, MAX_SIDES + 1)), value=2, label="Sides", elem_id="count", min_width=170,
                    info="models side by side",
                )  # fmt: skip
            with gr.Row():
                method = gr.Radio(
                    [(title, name) for name, title in METHODS.items()], value="sample", label="Choice",
                    elem_id="method", min_width=220, info="draw each character, or search for the likeliest text",
                )  # fmt: skip
                width = gr.Slider(
                    1, MAX_BEAM, 4, step=1, label="Beam width", elem_id="width", min_width=140, visible=False,
                    buttons=[], info="texts kept at each character",
                )  # fmt: skip
                colour = gr.Radio(
                    [("itself", 0), ("model 1", 1), ("model 2", 2)], value=0, label="Surprise by", elem_id="colour",
                    min_width=280, info="whose bits tint the letters",
                )  # fmt: skip
    return Controls(prompt, temperature, top_k, top_p, length, seed, method, width, count, colour, [])


@dataclass(frozen=True)
class CompareTab:
    """What other parts of the page need of this tab."""

    controls: Controls
    panels: list[gr.HTML]
    by_sides: list[Any]  # what `refit` sets
    selection: gr.Textbox  # "side_1.text.60", the name of the character that the card explains, or ""
    copy_link: gr.Button
    run_after: Callable[[Any], Any]  # event → the same event, followed by a run


def compare_tab(zoo: Zoo) -> CompareTab:
    """Build the tab inside the current Blocks and wire its events."""
    names = zoo.names
    defaults = [n for n in ("bigram", "gpt", "trigram", "self_attention") if n in names] or names or [None]
    choices = [(zoo.get(n).title, n) for n in names]

    with gr.Column(elem_classes="controls"):
        controls = build_controls()
        with gr.Row(elem_classes="actions"):
            go = gr.Button("Generate", variant="primary", elem_id="generate", scale=0, min_width=140)
            stop = gr.Button("Stop", elem_id="stop", scale=0, min_width=100)
            copy_link = gr.Button("Copy link", elem_id="copy_link", scale=0, min_width=120)
            surprise_legend()
        with gr.Row(visible=False, elem_id="trail_row") as trail_row:
            trail_view = gr.Radio([], label="Trail", elem_id="trail", info="the beginnings so far; choose one to go back")
            undo = gr.Button("Undo", elem_id="undo", scale=0, min_width=90)
            redo = gr.Button("Redo", elem_id="redo", scale=0, min_width=90)

    panels, columns = [], []
    with gr.Row(elem_classes="sides", equal_height=True):
        for i in range(MAX_SIDES):
            with gr.Column(visible=i < 2, elem_classes="side", min_width=320) as column:
                controls.models.append(
                    gr.Dropdown(
                        choices, value=defaults[i % len(defaults)], label=f"Model {i + 1}", elem_id=f"model_{i + 1}",
                        container=False,
                    )  # fmt: skip
                )
                panels.append(text_panel(f"side_{i + 1}", f"Text of model {i + 1}"))
            columns.append(column)
    with gr.Row(elem_classes="sides"):
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

    # --- running ---
    def compare(*values):  # type: ignore[no-untyped-def]
        with refused():
            run = Run.of(values)
            rest = [gr.skip()] * (MAX_SIDES - len(run.names))
            sides: list[Side] = []
            try:
                for sides in duel(zoo, run.prompt, run.names, run.params, run.method, run.width):
                    yield [side.value("running") for side in sides] + rest + [gr.skip()]
            except TimeoutError as error:
                yield [side.value("stopped", notice=str(error)) for side in sides] + rest + [gr.skip()]
            else:
                yield verdicts(sides, run.colour) + rest + [bits_saved(sides)]

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

    explain_with = {"fn": explain, "inputs": [selection, *controls.all, *panels], "outputs": explained, "js": UP_TO_SELECTED}
    take_with = {"fn": take_away, "inputs": [which, *controls.all], "outputs": [command, api_call]}
    runs = []

    def finish(event):  # type: ignore[no-untyped-def]
        """What follows each run: the commands that repeat it, and the card of the character that is still selected."""
        runs.append(event)
        event.success(**take_with, **AT_ONCE)
        event.success(**explain_with, **QUIET, **MODEL_LIMIT)
        return event

    run_with: dict[str, Any] = {"fn": compare, "inputs": controls.all, "outputs": [*panels, saved], **QUIET, **MODEL_LIMIT}
    c = controls
    moved = [c.temperature, c.top_k, c.top_p, c.length, c.seed, c.method, c.width, c.colour, *c.models]
    pressed = [go.click, c.prompt.submit]
    # One request at a time, and the latest value wins: dragging a slider never queues up runs.
    finish(gr.on([*pressed, *(control.input for control in moved)], trigger_mode="always_last", **run_with))

    def run_after(event):  # type: ignore[no-untyped-def]
        return finish(event.then(**run_with))

    which.change(**take_with, **AT_ONCE)
    selection.change(trigger_mode="always_last", **explain_with, **QUIET, **MODEL_LIMIT)
    for i, panel in enumerate(panels):
        panel.select(selected(i + 1), None, selection, **AT_ONCE)
    copy_text.click(None, [which, *panels], None, js=COPY_TEXT, **AT_ONCE)

    def trace_of(which, *values):  # type: ignore[no-untyped-def]
        with refused():
            run = Run.of(values)
            if run.method == "beam":
                raise ValueError("A trace tells how each character was drawn; beam search draws none. Choose Sample.")
            loaded = zoo.get(run.names[whole("Model", which, 1, len(run.names)) - 1])
            return json.dumps(trace(loaded, run.prompt, run.params))

    download.click(trace_of, [which, *controls.all], traced, **QUIET, **MODEL_LIMIT).success(
        None, traced, None, js=DOWNLOAD, **AT_ONCE
    )

    by_sides = [*columns, controls.colour, which]
    run_after(controls.count.input(refit, [controls.count, controls.colour], by_sides, **AT_ONCE))
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

    # The text so far stays as it is; only the caret goes. In the browser alone, so that it is immediate.
    stop.click(None, panels, panels, cancels=runs, js=STOPPED, **AT_ONCE)
    return CompareTab(controls, panels, by_sides, selection, copy_link, run_after)


def refit(sides: Any, colour: Any = 0) -> list[Any]:
    """What depends on the number of sides: their columns, the choices of whose bits tint, and of whose run to take."""
    with refused():
        n = whole("Sides", sides, 2, MAX_SIDES)
        colour = min(n, whole("Colour", colour, 0, MAX_SIDES))
    return [
        *(gr.Column(visible=i < n) for i in range(MAX_SIDES)),
        gr.Radio(choices=[("itself", 0), *((f"model {i}", i) for i in range(1, n + 1))], value=colour),
        gr.Radio(choices=list(range(1, n + 1)), value=n),
    ]


STOPPED = """(...sides) => sides.map((side) => side && side.status === "running" ? {...side, status: "stopped"} : side)"""

# A request may hold 64 kB, so of what the panels show only what stands before the selected character is sent.
UP_TO_SELECTED = """(selection, ...values) => {
  const [side, , index] = (selection || "").split(".");
  const cut = (panel, i) => side === "side_" + (i + 1) && panel && panel.model
    ? {model: panel.model, prompt: panel.prompt, text: Array.from(panel.text).slice(0, Number(index) + 1).join("")} : null;
  return [selection, ...values.slice(0, -4), ...values.slice(-4).map(cut)];
}"""

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


def selected(side: int) -> Callable[[gr.EventData], Any]:
    """The listener that turns a panel's selection into "side_1.text.60"; a character that is let go keeps its card."""

    def listen(event: gr.EventData):  # type: ignore[no-untyped-def]
        if event.index is None:
            return gr.skip()
        name = f"side_{side}.{event.part}.{event.index}"
        with refused():
            read_selection(name)
        return name

    return listen


def read_selection(name: str) -> tuple[int, str, int]:
    """ "side_1.text.60" → (1, "text", 60). Raises ValueError for anything else."""
    found = re.fullmatch(r"side_([1-4])\.(prompt|text)\.(\d{1,5})", name, re.ASCII)
    if not found:
        raise ValueError(f"Selected character must be like side_1.text.60; got {checks.shown(name)}.")
    return int(found[1]), found[2], int(found[3])


def explanation(zoo: Zoo, selection: object, run: Run, shown: Sequence[Any]) -> dict[str, Any]:
    """What the card draws for the selected character of a panel, under that side's model and all others.

    `shown` holds, for the selected side, {"model", "prompt", "text"} with the text cut after that character.
    """
    if not selection:
        return card_message("Choose a character of either text to see what else could have stood there.")
    side, part, at = read_selection(str(selection))
    panel = shown[side - 1]
    if not isinstance(panel, dict) or not all(isinstance(panel.get(key), str) for key in ("prompt", "text")):
        return card_message("That character is no longer there.")
    if at >= len(panel[part]):
        return card_message("That character is no longer there.")
    loaded = zoo.get(panel.get("model"))
    prompt, text = (panel["prompt"][:at], "") if part == "prompt" else (panel["prompt"], panel["text"][:at])
    char = panel[part][at]
    others = [zoo.get(name) for name in dict.fromkeys(run.names) if name != loaded.name]
    other_p = [probability_of(other, prompt, text) for other in others]
    rows = alternatives(loaded, prompt, text, run.params)
    chosen = next(row for row in rows if row.char == char)
    value = card_value(
        title=f"Character {at + 1} of the {loaded.title}'s text" if part == "text" else f"Character {at + 1} of the beginning",
        glyph_char=char,
        after=(prompt + text)[-12:],
        bits=-math.log2(chosen.raw) if chosen.raw > 0 else math.inf,
        rank=rows.index(chosen) + 1,
        own=loaded.title,
        others=[other.title for other in others],
        rows=[{**asdict(row), "others": [p.get(row.char, 0.0) for p in other_p], "chosen": row is chosen} for row in rows],
    )
    return {**value, "beginning": prompt + text}


# --- the trail: the beginnings of this visit, and which of them is on the page ------------------------------


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
    ends = [("…" if len(b) > 12 else "") + b[-12:].translate(GLYPHS) for b in beginnings]
    labels = [(f"{i + 1}: {end}", i) for i, end in enumerate(ends)]
    return (
        trail,
        gr.Row(visible=len(beginnings) > 1),
        gr.Radio(choices=labels, value=at),
        gr.Button(interactive=at > 0),
        gr.Button(interactive=at < len(beginnings) - 1),
    )


def bits_saved(sides: Sequence[Side]) -> dict[str, Any]:
    """How many bits the last side's model saves, on its own text, against the first side's."""
    first, last = sides[0], sides[-1]
    own, other = last.bits_by(last.loaded), last.bits_by(first.loaded)
    if first.loaded is last.loaded or not own or not other:
        return track_message("Choose two different models to see where one is less surprised than the other.")
    return track_value(
        title=f"Bits saved by the {last.loaded.title}",
        lead=f"above the line the {last.loaded.title} was less surprised than the {first.loaded.title} "
        "by the same character",
        names=(last.loaded.title, first.loaded.title),
        bits=(own, other),
        characters=list(last.text),
    )
