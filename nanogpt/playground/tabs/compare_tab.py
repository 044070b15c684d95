"""Compare: two to four models continue the same beginning with the same luck, side by side.

The path of a run:
1. A control that changes, a button, a branch or a link calls `ask` (page.js), which writes a request with a new id into
   the hidden `request`. Letting a slider go calls `release`, which asks only if a preview stands on the page.
2. `request.change` starts `run`, one at a time; of the requests that wait, the latest is taken. `start` (page.js) adds
   the pace to the request (a preview while a slider is held), or withdraws it if Stop was pressed since.
3. `run` checks the values (run.py), lets the sides write (comparison.py) and yields their panels (panels.py). Each
   frame carries the request's id; panels drop the frames of a run that Stop has withdrawn.
4. When a whole run is complete, `complete` (page.js) notes its id, and `finish` fills track, commands and card at once.
5. Stop withdraws every request so far, cancels the run under way, and tells the panels.
"""

import json
from functools import partial
from typing import Any

import gradio as gr

from nanogpt.analysis.trace import trace
from nanogpt.checks import one_of, whole
from nanogpt.playground.admission import while_awaited
from nanogpt.playground.commands import as_api_call, as_command
from nanogpt.playground.comparison import FRAME, Side, write_together
from nanogpt.playground.components.card import card
from nanogpt.playground.components.surprise_legend import surprise_legend
from nanogpt.playground.components.text_panel import text_panel, text_value
from nanogpt.playground.components.track import track
from nanogpt.playground.explanation import check_selection, explanation
from nanogpt.playground.fields import FIELDS, MAX_SIDES, METHODS, MIN_SIDES, PROMPTS, without_effect
from nanogpt.playground.limits import AT_ONCE, LATEST, MODEL_LIMIT, QUIET, refused
from nanogpt.playground.page import Linked, Page, Update
from nanogpt.playground.panels import judged_panels, saved_by_last, side_panel
from nanogpt.playground.run import Run, read_request
from nanogpt.playground.trail import branch, remembered, walk

# Seconds between frames by the pace of a run. A preview writes until its first frame: a reader who lets the slider go
# must wait until it ends. A text that changes under a slider need not be watched while it is written.
FRAMES = {"preview": 0.05, "moved": 0.5, "whole": FRAME}
DEFAULT_MODELS = ("bigram", "gpt", "trigram", "self_attention")


class CompareTab:
    """The parts of the tab, and what happens at its events. Handlers take the controls' values in FIELDS' order."""

    def __init__(self, page: Page):
        self.page, self.zoo = page, page.zoo
        self.controls: dict[str, Any] = {}
        self.build_controls()
        self.build_panels()
        self.build_takeaway()
        self.request = gr.JSON(None, visible="hidden", elem_id="request", label="The run that was asked for last")
        self.completed = gr.JSON(None, visible="hidden", elem_id="completed", label="The run that was completed last")
        self.compared = gr.State()  # what the track draws: apart from the panels, whose frames it would slow down
        self.selection = gr.Textbox(visible="hidden", elem_id="selection", label="Selected character")
        self.trail = gr.State({"beginnings": [PROMPTS[0]], "at": 0})

    # --- what stands on the page ---

    def build_controls(self) -> None:
        of = {place: [f for f in FIELDS if f.place == place] for place in ("bar", "more")}
        with gr.Column(elem_classes="controls"):
            with gr.Row():
                with gr.Column(scale=2, min_width=280):
                    self.controls |= {f.name: f.build() for f in of["bar"]}
                with gr.Column(scale=3, min_width=280):
                    for fields in (of["more"][:4], of["more"][4:]):
                        with gr.Row():
                            self.controls |= {f.name: f.build() for f in fields}
            with gr.Row(elem_classes="actions"):
                self.go = gr.Button("Generate", variant="primary", elem_id="generate", scale=0, min_width=140)
                self.stop = gr.Button("Stop", elem_id="stop", scale=0, min_width=100)
                self.copy_link = gr.Button("Copy link", elem_id="copy_link", scale=0, min_width=120)
                surprise_legend()
            with gr.Row(visible=False, elem_id="trail_row") as self.trail_row:
                self.trail_view = gr.Radio(
                    [], label="Trail", elem_id="trail", info="the beginnings so far; choose one to go back"
                )
                self.undo = gr.Button("Undo", elem_id="undo", scale=0, min_width=90)
                self.redo = gr.Button("Redo", elem_id="redo", scale=0, min_width=90)

    def build_panels(self) -> None:
        names = self.zoo.names
        defaults: list[Any] = [n for n in DEFAULT_MODELS if n in names] or names or [None]
        menus = [f for f in FIELDS if f.place == "panel"]
        self.panels, self.columns = [], []
        with gr.Row(elem_classes="sides", equal_height=True):
            for i, menu in enumerate(menus):
                with gr.Column(visible=i < MIN_SIDES, elem_classes="side", min_width=320) as column:
                    value = defaults[i % len(defaults)]
                    self.controls[menu.name] = self.page.add_menu(menu.build(choices=self.zoo.choices, value=value))
                    self.panels.append(text_panel(f"side_{i + 1}", f"Text of model {i + 1}"))
                self.columns.append(column)
        with gr.Row(elem_classes="sides", equal_height=True):
            with gr.Column(min_width=320):
                self.saved = track("saved", "Bits saved")
            with gr.Column(min_width=320):
                self.explained = card("card", "One character, explained")

    def build_takeaway(self) -> None:
        with gr.Accordion("Take it away: text, command, API call, trace", open=False, elem_id="takeaway"):
            with gr.Row(elem_classes="actions"):
                self.side = gr.Radio([1, 2], value=2, label="Of model", elem_id="which", scale=0, min_width=160)
                self.copy_text = gr.Button("Copy text", elem_id="copy_text", scale=0, min_width=120)
                self.download = gr.Button("Download trace", elem_id="download", scale=0, min_width=160)
            self.command = gr.Textbox(label="The same run as a command", lines=2, buttons=["copy"], elem_id="command")
            self.api_call = gr.Textbox(
                label="The same run as an API call", lines=6, buttons=["copy"], elem_id="api_call"
            )
            self.traced = gr.Textbox(visible="hidden", elem_id="traced", label="Trace")

    # --- what happens ---

    def run(self, request, *values):  # type: ignore[no-untyped-def]
        """The frames of a run: the panels, and at the end what the track draws."""
        if request is None:
            return
        with refused():
            (run_id, pace), run = read_request(request), Run.of(values)
            # An unused panel gets an empty value: gr.skip() costs Gradio more than a frame of text.
            unused = [text_value("")] * (MAX_SIDES - len(run.names))
            sides: list[Side] = []
            try:
                for sides in write_together(self.zoo, run, FRAMES[pace]):
                    if pace != "whole" and len(sides[0].ids) == 1:
                        continue  # a text that shrinks to one character at every step would flicker
                    yield [side_panel(side, "running", run_id) for side in sides] + unused + [gr.skip()]
                    if pace == "preview":
                        return
            except TimeoutError as error:
                yield [side_panel(side, "stopped", run_id, notice=str(error)) for side in sides] + unused + [gr.skip()]
            else:
                yield [side_panel(side, "done", run_id) for side in sides] + unused + [gr.skip()]  # judging takes time
                yield judged_panels(sides, run.colour, run_id) + unused + [saved_by_last(sides)]

    def finish(self, request: gr.Request, compared, side, selection, *values):  # type: ignore[no-untyped-def]
        """What stands below the texts of a complete run: the track, the commands and the card."""
        controls, shown = values[: len(FIELDS)], values[len(FIELDS) :]
        return compared, *self.take_away(request, side, *controls), self.explain(selection, *controls, *shown)

    def take_away(self, request: gr.Request, side, *values):  # type: ignore[no-untyped-def]
        with refused():
            run = Run.of(values)
            name = run.names[whole("Model", side, 1, len(run.names)) - 1]
            url = request.headers.get("origin") or str(request.base_url)
            how = (name, run.prompt, run.params, run.beam)
            return as_command(*how), as_api_call(*how, url)

    def explain(self, selection, *values):  # type: ignore[no-untyped-def]
        """The card of one character. `values` are the controls, then what each panel shows up to that character."""
        with refused():
            return explanation(self.zoo, selection, Run.of(values[: len(FIELDS)]), values[len(FIELDS) :])

    def trace(self, side, *values):  # type: ignore[no-untyped-def]
        with refused():
            run = Run.of(values)
            if run.beam:
                raise ValueError("A trace tells how each character was drawn; beam search draws none. Choose Sample.")
            loaded = self.zoo.get(run.names[whole("Model", side, 1, len(run.names)) - 1])
            return json.dumps(trace(loaded, loaded.read_prompt(run.prompt), watched=while_awaited, **vars(run.params)))

    def refit(self, sides: Any, colour: Any = 0) -> list[Any]:
        """What depends on the number of sides: the columns, whose bits may tint, and whose run may be copied."""
        with refused():
            n = whole("Sides", sides, MIN_SIDES, MAX_SIDES)
            colour = min(n, whole("Colour", colour, 0, MAX_SIDES))
        return [
            *(gr.Column(visible=i < n) for i in range(MAX_SIDES)),
            gr.HTML(choices=[("itself", 0), *((f"model {i}", i) for i in range(1, n + 1))], value=colour),
            gr.Radio(choices=list(range(1, n + 1)), value=n),
        ]

    def refit_for_link(self, values: dict[str, Any]) -> Update:
        """What depends on the number of sides that a link names."""
        if "sides" not in values:
            return {}
        return dict(zip(self.by_sides, self.refit(values["sides"], values.get("colour", 0)), strict=True))

    # --- at which events ---

    def wire(self) -> None:
        self.inputs = [self.controls[f.name] for f in FIELDS]
        self.wire_runs()
        self.wire_card()
        self.wire_takeaway()
        self.wire_trail()
        self.wire_page()

    def ask_after(self, listeners: Any) -> None:
        """Ask for a run at events of the page; `listeners` are their registering functions, e.g. `button.click`."""
        gr.on(listeners, None, None, self.request, js="playground.ask", **AT_ONCE)

    def run_after(self, event: Any) -> None:
        """Ask for a run when a listener has done its work."""
        event.then(None, None, self.request, js="playground.ask", **AT_ONCE)

    def wire_runs(self) -> None:
        moved = [self.controls[f.name] for f in FIELDS if f.name not in ("prompt", "count")]
        self.pressed = [self.go.click, self.controls["prompt"].submit]
        self.ask_after([*self.pressed, *(control.input for control in moved)])
        releases = [control.release for control in moved if control.props.get("slider")]
        gr.on(releases, None, None, self.request, js="playground.release", **AT_ONCE)
        ran = self.request.change(
            self.run,
            [self.request, *self.inputs],
            [*self.panels, self.compared],
            js="playground.start",
            **QUIET,
            **MODEL_LIMIT,
            **LATEST,
        )
        ran.success(None, None, self.completed, js="playground.complete", **AT_ONCE)
        self.completed.change(
            self.finish,
            [self.compared, self.side, self.selection, *self.inputs, *self.panels],
            [self.saved, self.command, self.api_call, self.explained],
            js="playground.finish",
            **QUIET,
            **MODEL_LIMIT,
        )
        self.stop.click(None, js="playground.stop", **AT_ONCE)
        self.stop.click(None, cancels=[ran], **AT_ONCE)
        count, colour = self.controls["count"], self.controls["colour"]
        self.by_sides = [*self.columns, colour, self.side]
        on_count: dict[str, Any] = {**AT_ONCE, "show_progress_on": count}  # see limits.py
        self.run_after(count.input(self.refit, [count, colour], self.by_sides, **on_count))
        method, depend = self.controls["method"], [name for other in METHODS for name in without_effect(other)]
        method.change(disabled_by, method, [self.controls[name] for name in depend], **AT_ONCE)

    def wire_card(self) -> None:
        self.selection.change(
            self.explain,
            [self.selection, *self.inputs, *self.panels],
            self.explained,
            js="playground.explain",
            **QUIET,
            **MODEL_LIMIT,
            **LATEST,
        )
        for panel in self.panels:  # in the browser: two answers from a server could overtake each other
            select = f"playground.selectedIn({json.dumps(panel.elem_id)})"
            panel.select(None, self.selection, self.selection, js=select, **AT_ONCE)

    def wire_takeaway(self) -> None:
        self.side.change(self.take_away, [self.side, *self.inputs], [self.command, self.api_call], **AT_ONCE)
        self.copy_text.click(None, [self.side, *self.panels], None, js="playground.copyText", **AT_ONCE)
        self.download.click(self.trace, [self.side, *self.inputs], self.traced, **QUIET, **MODEL_LIMIT).success(
            None, self.traced, None, js="playground.download", **AT_ONCE
        )

    def wire_trail(self) -> None:
        """Branching: the trail of beginnings."""
        prompt, trail = self.controls["prompt"], self.trail
        shown = [trail, self.trail_row, self.trail_view, self.undo, self.redo]
        gr.on(self.pressed, remembered, [prompt, trail], shown, **AT_ONCE)
        for event in (
            self.explained.branch(branch, [self.explained, trail], [prompt, *shown], **AT_ONCE),
            self.undo.click(partial(walk, by=-1), trail, [prompt, *shown], **AT_ONCE),
            self.redo.click(partial(walk, by=1), trail, [prompt, *shown], **AT_ONCE),
            self.trail_view.input(walk, [trail, self.trail_view], [prompt, *shown], **AT_ONCE),
        ):
            self.run_after(event)

    def wire_page(self) -> None:
        """What links and the other tabs need of this one."""
        page = self.page
        for f in FIELDS:
            read = page.read_model if f.name.startswith("model_") else f.read_link
            page.linked[f.link_key] = Linked(self.controls[f.name], read)
        page.linked["selected"] = Linked(self.selection, check_selection)

        page.refits.append(self.refit_for_link)
        page.refitted.extend(self.by_sides)
        page.prompt, page.panels = self.controls["prompt"], self.panels
        page.copy_link, page.run_after, page.complete = self.copy_link, self.run_after, self.completed.change
        self.completed.change(None, self.selection, None, js="playground.holdOnOpening", **AT_ONCE)


def disabled_by(method: Any) -> list[gr.HTML]:
    """The controls that some method ignores, in METHODS' order: which this one does, and why."""
    with refused():
        reasons = without_effect(one_of("Method", method, METHODS))
    return [gr.HTML(disabled=reasons.get(name, "")) for other in METHODS for name in without_effect(other)]


def build_compare(page: Page, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks and wire its events."""
    CompareTab(page).wire()
