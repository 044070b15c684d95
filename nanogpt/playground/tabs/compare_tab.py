"""Compare: two to four models continue the same beginning with the same luck, side by side.

The path of a run:
1. A control that changes calls `changed`; a button, a branch or a link calls `ask` (page.js). Both write a request with
   a new id into the hidden `request`; `changed` does so only if the values are not those of the run on the page.
   Letting a slider go calls `release`, which asks only if a preview stands on the page.
2. `request.change` starts `run`, one at a time; of the requests that wait, the latest is taken. `start` (page.js) adds
   the pace to the request (a preview while a slider is held), or withdraws it if Stop was pressed since. A request that
   finds a whole run under way also writes `superseded`, which cancels that run.
3. `run` checks the values (run.py), lets the engine write the sides (comparison.py) and yields their panels
   (panels.py). Each frame carries the request's id; panels drop the frames of a run that Stop has withdrawn.
4. When a whole run is complete, `complete` (page.js) notes its id; `finish` fills track, card and commands at once,
   with the values of that run, whatever the controls say by then; and the address is written.
5. Stop withdraws every request so far, cancels the run under way (by `superseded` too), and tells the panels.
What stands in a control that did not produce the texts is found in the browser (page.js), which marks them out of date.
"""

import json
from contextlib import aclosing
from functools import partial
from typing import Any

import gradio as gr

from nanogpt.analysis.trace import trace
from nanogpt.checks import whole
from nanogpt.playground.admission import while_awaited
from nanogpt.playground.cards import cards_of
from nanogpt.playground.commands import as_api_call, as_command
from nanogpt.playground.comparison import Side
from nanogpt.playground.components.text_panel import text_value
from nanogpt.playground.explanation import check_selection, expansion
from nanogpt.playground.fields import FIELDS, MAX_SIDES, without_effect
from nanogpt.playground.frames import FRAME
from nanogpt.playground.limits import AT_ONCE, LATEST, MODEL_LIMIT, QUIET, WRITING_LIMIT, in_reading_thread, refused
from nanogpt.playground.oddities import oddity
from nanogpt.playground.page import Linked, Page, Update, changed
from nanogpt.playground.panels import judged_panels, saved_by_last, side_panels, waiting_in_words
from nanogpt.playground.run import Run, read_request
from nanogpt.playground.stage import Stage, by_sides, refitted
from nanogpt.playground.trail import branch, read_trail, remembered, shown_trail, walk

# Seconds between frames by the pace of a run. A preview writes until its first frame: a reader who lets the slider go
# must wait until it ends. A text that changes under a slider need not be watched while it is written.
FRAMES = {"preview": 0.05, "moved": 0.5, "whole": FRAME}


CHECKS = {f.name: f.check for f in FIELDS}
# Every control that has no effect under some method or temperature.
WITHOUT = ("temperature", "top_k", "top_p", "seed", "width")


class CompareTab:
    """What happens at the events of the tab. Handlers take the controls' values in FIELDS' order."""

    def __init__(self, page: Page):
        self.page, self.zoo = page, page.zoo
        self.stage = Stage(page)
        self.inputs = [self.stage.controls[f.name] for f in FIELDS]
        self.by_sides = by_sides(self.stage)
        self.by_effect = [self.stage.controls[name] for name in WITHOUT]

    # --- what happens ---

    async def run(self, request, *values):  # type: ignore[no-untyped-def]
        """The frames of a run: the panels, and at the end what track and card draw."""
        if request is None:
            yield [gr.skip()] * (MAX_SIDES + 1)  # without it Gradio empties the panels
            return
        with refused():
            (run_id, pace), run = read_request(request), Run.of(values)
            # An unused panel gets an empty value: gr.skip() costs Gradio more than a frame of text.
            unused = [text_value("")] * (MAX_SIDES - len(run.names))
            sides: list[Side] = []
            names = self.zoo.names

            def drawn(status: str, notice: str = "") -> list[Any]:
                return side_panels(sides, names, status, run_id, notice) + unused + [gr.skip()]

            try:
                async with aclosing(self.page.comparer.frames(run, FRAMES[pace])) as frames:
                    async for sides in frames:
                        if pace != "whole" and len(sides[0].ids) <= 1:
                            continue  # a text that shrinks to one character at every step would flicker
                        yield drawn("running", waiting_in_words(sides[0].ahead))
                        if pace == "preview":
                            return
            except TimeoutError as error:
                yield drawn("stopped", str(error))
            else:
                yield drawn("done")  # judging takes time
                panels, below = await in_reading_thread(self.judge, sides, names, run, run_id)
                yield [*panels, *unused, below]

    def judge(self, sides: list[Side], names: list[str], run: Run, run_id: int) -> tuple[list[Any], Any]:
        """The panels of a complete run, and what track and card draw."""
        below = (saved_by_last(sides, names), cards_of(sides, names, run, run_id))
        odd = [
            oddity(side.loaded.title, side.loaded.block_size, run.params, side.prompt.text, side.text, run.beam)
            for side in sides
        ]
        return judged_panels(sides, names, run.colour, run_id, odd), below

    def finish(self, request: gr.Request, compared, side, *values):  # type: ignore[no-untyped-def]
        """What stands below the texts of a complete run: the track, the card and the commands."""
        if compared is None:  # only 100 sessions are remembered
            with refused():
                raise ValueError("This run is no longer known. Generate it again.")
        saved, cards = compared
        return saved, cards, *self.take_away(request, side, *values)

    def take_away(self, request: gr.Request, side, *values):  # type: ignore[no-untyped-def]
        with refused():
            run = Run.of(values)
            name = run.names[whole("Model", side, 1, len(run.names)) - 1]
            url = request.headers.get("origin") or str(request.base_url)
            how = (name, run.prompt, run.params, run.beam)
            return as_command(*how), as_api_call(*how, url)

    def explain(self, selection, *values):  # type: ignore[no-untyped-def]
        """Every row of one character's card. `values` are the controls, then what each panel shows up to there."""
        with refused():
            rows = expansion(self.zoo, selection, Run.of(values[: len(FIELDS)]), values[len(FIELDS) :])
            return gr.HTML(all=rows)

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
            return refitted(self.stage, CHECKS["count"](sides), CHECKS["colour"](colour))

    def refit_effect(self, method: Any, temperature: Any) -> list[Any]:
        """Which controls have no effect, and why."""
        with refused():
            reasons = without_effect(CHECKS["method"](method), CHECKS["temperature"](temperature))
        return [changed(self.stage.controls[name], disabled=reasons.get(name, "")) for name in WITHOUT]

    def refit_for_link(self, values: dict[str, Any]) -> Update:
        """What depends on the number of sides, the method and the temperature that a link names."""
        update: Update = {}
        if "sides" in values:
            update |= dict(zip(self.by_sides, self.refit(values["sides"], values.get("colour", 0)), strict=True))
        effect = self.refit_effect(values.get("method", "sample"), values.get("temperature", 1))
        update |= dict(zip(self.by_effect, effect, strict=True))
        for f in FIELDS:  # an update of a control must not take away the value that the link gives it
            part = self.stage.controls[f.name]
            if part in update and f.link_key in values and f.name != "colour":
                update[part] = changed(part, **{**update[part].props, "value": values[f.link_key]})
        return update

    # --- at which events ---

    def wire(self) -> None:
        self.wire_runs()
        self.wire_controls()
        self.wire_card()
        self.wire_takeaway()
        self.wire_trail()
        self.wire_page()

    def run_after(self, event: Any) -> None:
        """Ask for a run when a listener has done its work."""
        event.then(None, self.inputs, self.stage.request, js="playground.ask", **AT_ONCE)

    def wire_runs(self) -> None:
        stage = self.stage
        ran = stage.request.change(
            self.run,
            [stage.request, *self.inputs],
            [*stage.panels, stage.compared],
            js="playground.start",
            api_visibility="private",
            show_progress="minimal",
            show_progress_on=stage.place,
            postprocess=False,  # Gradio would hand every value of every frame to a thread, which returns it as it is
            **WRITING_LIMIT,
            **LATEST,
        )
        ran.success(None, None, stage.completed, js="playground.complete", **AT_ONCE)
        ran.failure(None, None, stage.request, js="playground.ended", **AT_ONCE)
        stage.request.change(None, stage.request, stage.superseded, js="playground.supersede", **AT_ONCE)
        stage.superseded.change(None, cancels=[ran], **AT_ONCE)
        stage.completed.change(
            self.finish,
            [stage.compared, stage.side, *self.inputs],
            [stage.saved, stage.explained, stage.command, stage.api_call],
            js="playground.finish",
            **QUIET,
            **MODEL_LIMIT,
        )
        stage.stop.click(None, None, stage.superseded, js="playground.stop", **AT_ONCE)
        stage.listen.click(lambda: None, None, None, **QUIET, **MODEL_LIMIT)

    def wire_controls(self) -> None:
        stage, controls = self.stage, self.stage.controls
        changing = [control.input for name, control in controls.items() if name not in ("prompt", "count")]
        gr.on(changing, None, self.inputs, stage.request, js="playground.changed", **AT_ONCE)
        releases = [controls[f.name].release for f in FIELDS if f.param or f.name == "width"]
        gr.on(releases, None, self.inputs, stage.request, js="playground.release", **AT_ONCE)
        controls["prompt"].input(None, self.inputs, None, js="playground.typed", **AT_ONCE)
        self.pressed = [stage.go.click, controls["prompt"].submit]
        gr.on(self.pressed, None, self.inputs, stage.request, js="playground.ask", **AT_ONCE)
        self.run_after(stage.luck.click(None, None, controls["seed"], js="playground.newSeed", **AT_ONCE))
        on_count: dict[str, Any] = {**AT_ONCE, "show_progress_on": controls["count"]}  # see limits.py
        self.run_after(
            controls["count"].input(self.refit, [controls["count"], controls["colour"]], self.by_sides, **on_count)
        )
        decisive = [controls["method"], controls["temperature"]]
        gr.on([part.input for part in decisive], None, decisive, stage.effect, js="playground.effect", **AT_ONCE)
        stage.effect.change(self.refit_effect, decisive, self.by_effect, **AT_ONCE)
        stage.more.click(None, js="playground.toggleMore", **AT_ONCE)
        stage.showing.input(None, stage.showing, None, js="playground.showSide", **AT_ONCE)

    def wire_card(self) -> None:
        stage = self.stage
        stage.explained.expand(
            self.explain,
            [stage.selection, *self.inputs, *stage.panels],
            stage.explained,
            js="playground.expand",
            **QUIET,
            **MODEL_LIMIT,
            **LATEST,
        )
        stage.explained.branch(None, js="playground.branched", **AT_ONCE)
        stage.close_card.click(None, js="playground.closeCard", **AT_ONCE)

    def wire_takeaway(self) -> None:
        stage = self.stage
        taken = [stage.side, *self.inputs]
        stage.side.input(self.take_away, taken, [stage.command, stage.api_call], js="playground.ofTheRun", **AT_ONCE)
        stage.copy_text.click(None, [stage.side, *stage.panels], None, js="playground.copyText", **AT_ONCE)
        stage.download.click(self.trace, taken, stage.traced, js="playground.ofTheRun", **QUIET, **MODEL_LIMIT).success(
            None, stage.traced, None, js="playground.download", **AT_ONCE
        )

    def wire_trail(self) -> None:
        """Branching: the trail of beginnings."""
        stage = self.stage
        prompt, trail = stage.controls["prompt"], stage.trail
        shown = self.page.restored = [trail, stage.trail_row, stage.trail_view, stage.undo, stage.redo]
        self.page.restore = lambda kept: dict(zip(shown, shown_trail(read_trail(kept)), strict=True))
        gr.on(self.pressed, remembered, [prompt, trail], shown, **AT_ONCE)
        for event in (
            stage.explained.branch(branch, trail, [prompt, *shown], **AT_ONCE),
            stage.undo.click(partial(walk, by=-1), trail, [prompt, *shown], **AT_ONCE),
            stage.redo.click(partial(walk, by=1), trail, [prompt, *shown], **AT_ONCE),
            stage.trail_view.input(walk, [trail, stage.trail_view], [prompt, *shown], **AT_ONCE),
        ):
            self.run_after(event)

    def wire_page(self) -> None:
        """What links and the other tabs need of this one."""
        page, stage = self.page, self.stage
        for f in FIELDS:
            read = page.read_model if f.name.startswith("model_") else f.read_link
            page.linked[f.link_key] = Linked(stage.controls[f.name], read)
        page.linked["selected"] = Linked(stage.selection, check_selection)
        page.refits.append(self.refit_for_link)
        page.refitted.extend([*self.by_sides, *self.by_effect])
        page.prompt, page.panels, page.trail = stage.controls["prompt"], stage.panels, stage.trail
        page.run_after, page.complete = self.run_after, stage.completed.change
        stage.completed.change(None, stage.selection, None, js="playground.holdOnOpening", **AT_ONCE)


def build_compare(page: Page, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks and wire its events."""
    CompareTab(page).wire()
