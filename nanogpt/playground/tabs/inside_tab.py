"""Look inside: where every head looks, why a character was chosen, and what the text becomes without a part.

The path of an answer:
1. A new text or another model: `playground.subject` (page_inside.js) adds the run of the Compare tab if it wrote the
   text. `read` draws the heads and the votes; then `write` writes the text as it is.
2. A part that is switched, or another context: `rewrite` writes the text again; then `read` draws what has changed.
   They do not run side by side, because two cores would then serve neither quickly.
3. Last come the slow answers: `depend`, what would change without each part, and `price`, what the change costs. Each
   waits for what the reader looks at first: every request takes the browser some time, too.
4. A head that is chosen is drawn at once from what the browser has; `exact` sends its exact numbers.
Everything that follows the pointer happens in the browser, without a request.
"""

import re
from functools import partial
from typing import Any

import gradio as gr

from nanogpt.analysis.attention import attention_layers
from nanogpt.analysis.parts import layers_of, part_names
from nanogpt.checks import shown, whole
from nanogpt.models.ranges import RANGES
from nanogpt.playground.admission import while_awaited
from nanogpt.playground.components.beginning import beginning
from nanogpt.playground.components.curve import curve
from nanogpt.playground.components.dial import dial
from nanogpt.playground.components.heads import heads
from nanogpt.playground.components.menu import menu
from nanogpt.playground.components.switches import switches
from nanogpt.playground.components.text_panel import text_panel
from nanogpt.playground.components.why import why
from nanogpt.playground.fields import FIELDS, PROMPTS, integer
from nanogpt.playground.inside import (
    MAX_READ,
    dependence_on_parts,
    exact_of,
    heads_of,
    read_subject,
    read_within_limit,
    why_of,
)
from nanogpt.playground.limits import AT_ONCE, LATEST, MODEL_LIMIT, QUIET, refused
from nanogpt.playground.page import Linked, Page, Update, changed, told
from nanogpt.playground.reproduction import commands_and_calls
from nanogpt.playground.rewriting import cost_in_words, curve_of, experiments, fitted, original_panel, rewritten_panel
from nanogpt.playground.run import Run


class InsideTab:
    """The parts of the tab, and what happens at its events."""

    def __init__(self, page: Page):
        self.page, self.zoo = page, page.zoo
        names = self.zoo.names
        looking = [n for n in names if attention_layers(self.zoo.outline(n).model)]
        self.default = "gpt" if "gpt" in looking else next(iter(looking or names), None)
        with gr.Column(elem_id="look"):
            self.build_bar()
            with gr.Row(elem_id="looking"):
                self.heads = heads("heads", "Where every head looks")
                self.why = why("why", "Why this character")
            with gr.Row(elem_id="changing"):
                self.build_changes()
            with gr.Accordion("The same numbers as commands and API calls", open=False, elem_id="inside_takeaway"):
                self.command = gr.Textbox(label="Commands", lines=3, buttons=["copy"], elem_id="inside_command")
                self.api_call = gr.Textbox(label="API calls", lines=8, buttons=["copy"], elem_id="inside_api_call")
        self.build_state()

    def build_bar(self) -> None:
        with gr.Row(elem_id="inside_bar"):
            self.text = beginning(
                "attention_text",
                "Text",
                "",
                PROMPTS,
                "the text just written, or yours. Point at a character: where heads look, and why the next one comes",
                most=MAX_READ,
                term="attention",
            )
            self.model = menu("attention_model", "Model", self.zoo.choices, self.default)

    def build_changes(self) -> None:
        """What is changed in the model, and what the text becomes."""
        given = fitted(self.zoo.outline(self.default)) if self.default else {"switches": {}, "context": {}}
        self.switches = switches("switches", "Switch parts off", **without_value(given["switches"]))
        with gr.Row(elem_id="looking_back"):
            self.context = dial(
                "inside_context",
                "It may look back",
                minimum=1,
                step=1,
                info="characters at most; the text below is written again with the same luck",
                term="context",
                **({"maximum": 1, "value": 1} | given["context"]),
            )
            self.curve = curve("inside_curve", "Bits per character against the context")
        self.original = text_panel("as_it_is", "The text as it is", "rewritten", 1)
        self.rewritten = text_panel("written_again", "The text written again", "rewritten", 2)

    def build_state(self) -> None:
        """What the tab remembers and does not show."""
        self.read_by = gr.Textbox(None, visible="hidden", elem_id="read_by", label="The model that was chosen last")
        self.begun = gr.Textbox(None, visible="hidden", elem_id="begun", label="Beginning of the text just written")
        self.layer = gr.Number(None, visible="hidden", elem_id="layer", label="Layer of the head that is shown large")
        self.head = gr.Number(None, visible="hidden", elem_id="head", label="The head that is shown large")
        self.position = gr.Number(None, visible="hidden", elem_id="position", label="The character that is looked at")
        self.subject = [
            self.text, self.model, self.switches, self.context, self.begun, self.layer, self.head,
            *(self.page.linked[f.link_key].component for f in FIELDS),
        ]  # fmt: skip

    # --- what happens ---

    def read(self, text, model, off, context, begun, layer, head, *values):  # type: ignore[no-untyped-def]
        with refused():
            subject = read_subject(self.zoo, text, model, off, context, begun)
            reasons = changed(self.why, value=why_of(subject), dependence=None)
            return heads_of(subject, layer or 0, head or 0), reasons

    def depend(self, text, model, off, context, begun, layer, head, *values):  # type: ignore[no-untyped-def]
        with refused():
            subject = read_subject(self.zoo, text, model, off, context, begun)
            return changed(self.why, dependence=dependence_on_parts(subject, Run.of(values)))

    def exact(self, chosen: gr.EventData, text, model, off, context, begun, layer, head, *values):  # type: ignore[no-untyped-def]
        with refused():
            subject = read_subject(self.zoo, text, model, off, context, begun)
            layer, head = told(chosen, "layer"), told(chosen, "head")
            known = told(chosen, "exact") is True
            return gr.skip() if known else gr.HTML(exact=exact_of(subject, layer, head)), layer, head

    def write(self, text, model, off, context, begun, layer, head, *values):  # type: ignore[no-untyped-def]
        with refused():
            subject = read_subject(self.zoo, text, model, off, context, begun)
            return original_panel(self.page.comparer.engine, subject, Run.of(values), self.zoo.names, while_awaited)

    def rewrite(self, text, model, off, context, begun, layer, head, *values):  # type: ignore[no-untyped-def]
        """`values` are the controls of the Compare tab, then what the panel of the unchanged text shows."""
        with refused():
            subject = read_subject(self.zoo, text, model, off, context, begun)
            original = values[-1] if isinstance(values[-1], dict) else {}
            before = str(original.get("text", ""))
            engine = self.page.comparer.engine
            return rewritten_panel(engine, subject, Run.of(values[:-1]), self.zoo.names, before, while_awaited)

    def price(self, text, model, off, context, begun, layer, head, *values):  # type: ignore[no-untyped-def]
        with refused():
            subject = read_subject(self.zoo, text, model, off, context, begun)
            props = {**without_value(fitted(subject.loaded)["switches"]), "result": cost_in_words(subject)}
            return gr.HTML(**props), curve_of(self.zoo, subject)

    def experiment(self, model, chosen: gr.EventData):  # type: ignore[no-untyped-def]
        """Set the parts that are off and the context as a named experiment has them."""
        with refused():
            loaded = self.zoo.outline(model)
            tried = experiments(loaded)[whole("Experiment", told(chosen, "index"), 0, len(experiments(loaded)) - 1)]
            return tried.off, tried.context or loaded.block_size

    def whole_context(self, model):  # type: ignore[no-untyped-def]
        with refused():
            return self.zoo.outline(model).block_size

    def choose_context(self, chosen: gr.EventData):  # type: ignore[no-untyped-def]
        with refused():
            return whole("Context", told(chosen, "context"), 1, int(RANGES["block_size"][1]))

    def take_away(self, request: gr.Request, position, *values):  # type: ignore[no-untyped-def]
        """The commands and API calls that give the numbers of the tab."""
        text, model, off, context, begun, layer, head, *controls = values
        with refused():
            subject = read_subject(self.zoo, text, model, off, context, begun)
            run = Run.of(controls)
            url = request.headers.get("origin") or str(request.base_url)
            return commands_and_calls(subject, run, position, layer, head, url)

    @property
    def taken_away(self) -> dict[str, Any]:
        """The listener that writes the commands and the API calls."""
        return {
            "fn": self.take_away,
            "inputs": [self.position, *self.subject],
            "outputs": [self.command, self.api_call],
            "js": "playground.subjectAt",
            **AT_ONCE,
            **LATEST,
        }

    # --- what depends on the model ---

    def refit(self, name: str) -> list[Any]:
        """Everything on, and the clearest head, for the model that was chosen."""
        with refused():
            given = fitted(self.zoo.outline(name))
            switched, context = (changed(getattr(self, part), **given[part]) for part in ("switches", "context"))
            return [switched, context, None, None, name]

    # --- at which events ---

    def wire(self, tab: gr.Tab) -> None:
        """Opening the tab takes over the text of the Compare tab, unless the visitor has written another."""
        taken: dict[str, Any] = {
            "fn": None,
            "inputs": [self.text, self.page.prompt, self.model, *self.page.panels],
            "outputs": self.text,
            "queue": False,
            "api_visibility": "private",
        }
        tab.select(js="playground.takeText", **taken)
        self.page.complete(js="playground.takeTextOnOpening", **taken)
        self.wire_answers()
        self.wire_choices()

    def wire_answers(self) -> None:
        """What is asked of the server when the text, the model, the parts or the context change."""
        asked: dict[str, Any] = {"js": "playground.subject", **QUIET, **MODEL_LIMIT}
        fitting = [self.switches, self.context, self.layer, self.head, self.read_by]
        self.model.input(self.refit, self.model, fitting, **AT_ONCE)
        read = {"fn": self.read, "inputs": self.subject, "outputs": [self.heads, self.why], **asked, **LATEST}
        rewrite = {"fn": self.rewrite, "inputs": [*self.subject, self.original], "outputs": self.rewritten}
        rewrite |= {**asked, **LATEST}
        opened = gr.on([self.text.change, self.read_by.change], **read)
        written = opened.success(self.write, self.subject, self.original, **asked, **LATEST)
        switched = gr.on([self.switches.change, self.context.change], **rewrite)
        for drawn in (written, switched.success(**read)):
            depended = drawn.success(self.depend, self.subject, self.why, **asked, **LATEST)
            depended.success(**self.taken_away)
        for is_written in (written.success(**rewrite), switched):
            is_written.success(self.price, self.subject, [self.switches, self.curve], **asked, **LATEST)
        self.heads.choose(self.exact, self.subject, [self.heads, self.layer, self.head], **asked, **LATEST)

    def wire_choices(self) -> None:
        self.switches.experiment(self.experiment, self.model, [self.switches, self.context], **AT_ONCE)
        self.switches.reset(self.whole_context, self.model, self.context, **AT_ONCE)
        self.curve.choose(self.choose_context, None, self.context, **AT_ONCE)
        self.heads.rest(None, None, self.position, js="playground.inspected", **AT_ONCE)
        gr.on([self.position.change, self.layer.change, self.head.change], **self.taken_away)

    def link(self) -> None:
        """What a link holds of this tab."""
        linked = self.page.linked
        linked["attention_text"] = Linked(self.text, read_within_limit)
        self.page.add_menu(self.model, key="attention_model")
        for key, part, title in (("layer", self.layer, "Layer"), ("head", self.head, "Head")):
            low, high = RANGES[f"n_{key}"]
            linked[key] = Linked(part, partial(read_number, title, int(low), int(high)))
        linked["off"] = Linked(self.switches, read_off)
        linked["context"] = Linked(self.context, partial(read_number, "Context", 1, int(RANGES["block_size"][1])))
        self.page.refits.append(self.refit_for_link)

    def refit_for_link(self, values: dict[str, Any]) -> Update:
        """What fits the model that a link names; a part or a head that it does not have is left out."""
        name = values.get("attention_model", self.default)
        if name is None or not values.keys() & {"attention_model", "off", "context", "layer", "head"}:
            return {}
        loaded = self.zoo.outline(name)
        layers, given = layers_of(loaded.model), fitted(loaded)
        given["switches"]["value"] = [part for part in values.get("off", ()) if part in part_names(loaded.model)]
        given["context"]["value"] = min(values.get("context", loaded.block_size), loaded.block_size)
        update: Update = {
            self.switches: changed(self.switches, **given["switches"]),
            self.context: changed(self.context, **given["context"]),
        }
        heads = layers[0].attention.n_head if layers else 0
        if not (values.get("layer", 1) <= len(layers) and values.get("head", 1) <= heads):
            update |= {self.layer: None, self.head: None}
        return update


def build_inside(page: Page, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks and wire its events."""
    built = InsideTab(page)
    built.wire(tab)
    built.link()


def without_value(props: dict[str, Any]) -> dict[str, Any]:
    """The properties with which a component is made: its value is not among them."""
    return {name: value for name, value in props.items() if name != "value"}


def read_number(title: str, low: int, high: int, text: str) -> int:
    """The whole number that a link's text stands for. Raises ValueError."""
    return whole(title, integer(text), low, high)


def read_off(text: str) -> list[str]:
    """The parts that a link switches off. Raises ValueError for what names no part of any model."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if not re.fullmatch(r"\d{1,2}\.(\d{1,2}|mlp)", name):
            raise ValueError(f"Parts that are off are heads such as 5.3, and MLPs such as 5.mlp; got {shown(name)}.")
    return names
