"""What stands on the Compare tab: the controls in a slim bar, the texts, the card, the track.

Knows components and the rows of fields.py; knows no event. Where each part stands on a desk, a wall and a phone is in
page.css.
"""

from typing import Any

import gradio as gr

from nanogpt.playground.components.card import card
from nanogpt.playground.components.legend import legend
from nanogpt.playground.components.menu import menu
from nanogpt.playground.components.text_panel import text_panel
from nanogpt.playground.components.track import track
from nanogpt.playground.fields import FIELDS, MAX_SIDES, MIN_SIDES, PROMPTS
from nanogpt.playground.page import Page, changed

LEAD = (
    'Models trained on Shakespeare continue one beginning with the same <span data-term="noise">luck</span>. '
    "Move the temperature; point at a character to see why."
)
DEFAULT_MODELS = ("bigram", "gpt", "trigram", "self_attention")


class Stage:
    """The parts, built inside the current Blocks."""

    def __init__(self, page: Page):
        self.page = page
        self.controls: dict[str, Any] = {}  # by the name of its field
        with gr.Column(elem_id="stage"):
            self.build_bar()
            with gr.Row(elem_id="line"):
                gr.HTML(f"<p>{LEAD}</p>", elem_id="lead", js_on_load=None)
                legend()
            self.build_trail()
            with gr.Row(elem_id="work"):
                self.build_texts()
                with gr.Column(elem_id="explained", min_width=0):
                    self.close_card = gr.Button("Close", elem_id="close_card", size="sm")
                    self.explained = card("card", "One character, explained")
                self.saved = track("saved", "Bits saved")
            self.build_takeaway()
        self.build_status()
        self.build_state()

    def build_bar(self) -> None:
        """The bar that stays in view, and the panel of the other settings under it."""
        of = {place: [f for f in FIELDS if f.place == place] for place in ("bar", "more")}
        with gr.Row(elem_id="bar"):
            prompt, temperature = of["bar"]
            self.controls[prompt.name] = prompt.build()
            with gr.Row(elem_id="thumb"):
                self.controls[temperature.name] = temperature.build()
                self.luck = gr.Button("New luck", elem_id="luck", min_width=0)
                self.go = gr.Button("Generate", variant="primary", elem_id="generate", min_width=0)
                self.stop = gr.Button("Stop", elem_id="stop", min_width=0)
            self.more = gr.Button("More ▾", elem_id="more", min_width=0)
            with gr.Row(elem_id="more_panel"):
                self.controls |= {f.name: f.build() for f in of["more"]}

    def build_trail(self) -> None:
        with gr.Row(visible=False, elem_id="trail_row") as self.trail_row:
            self.trail_view = menu("trail", "Trail of beginnings", [(PROMPTS[0], 0)], 0, compact=True)
            self.undo = gr.Button("Undo", elem_id="undo", size="sm", min_width=0)
            self.redo = gr.Button("Redo", elem_id="redo", size="sm", min_width=0)

    def build_status(self) -> None:
        """What just happened, in words (page.js writes it), and the place in the queue (Gradio writes it)."""
        with gr.Row(elem_id="said"):
            gr.HTML('<p role="status"></p>', elem_id="status", js_on_load=None)
            self.place = gr.HTML("", elem_id="place", js_on_load=None)

    def build_texts(self) -> None:
        names = self.page.zoo.names
        defaults: list[Any] = [n for n in DEFAULT_MODELS if n in names] or names or [None]
        self.panels, self.columns = [], []
        with gr.Row(elem_id="texts"):
            self.showing = menu("showing", "Show", [("all texts", 0), *sides(MIN_SIDES)], 0, compact=True)
            for i, field in enumerate(f for f in FIELDS if f.place == "panel"):
                with gr.Column(visible=i < MIN_SIDES, elem_classes="side", min_width=0) as column:
                    value = defaults[i % len(defaults)]
                    self.controls[field.name] = self.page.add_menu(
                        field.build(choices=self.page.zoo.choices, value=value)
                    )
                    self.panels.append(text_panel(f"side_{i + 1}", f"Text of model {i + 1}", side=i + 1))
                self.columns.append(column)

    def build_takeaway(self) -> None:
        with gr.Accordion("Take it away: text, command, API call, trace", open=False, elem_id="takeaway"):
            with gr.Row(elem_classes="actions"):
                self.side = menu("which", "Of model", [(str(n), n) for n in (1, 2)], 2)
                self.copy_text = gr.Button("Copy text", elem_id="copy_text", scale=0, min_width=120)
                self.download = gr.Button("Download trace", elem_id="download", scale=0, min_width=160)
            self.command = gr.Textbox(label="The same run as a command", lines=2, buttons=["copy"], elem_id="command")
            self.api_call = gr.Textbox(
                label="The same run as an API call", lines=6, buttons=["copy"], elem_id="api_call"
            )
            self.traced = gr.Textbox(visible="hidden", elem_id="traced", label="Trace")

    def build_state(self) -> None:
        """What the page remembers and does not show."""
        self.request = gr.JSON(None, visible="hidden", elem_id="request", label="The run that was asked for last")
        self.superseded = gr.JSON(None, visible="hidden", elem_id="superseded", label="The run that is cancelled")
        self.effect = gr.JSON(
            None, visible="hidden", elem_id="effect", label="What decides which controls have an effect"
        )
        self.completed = gr.JSON(None, visible="hidden", elem_id="completed", label="The run that was completed last")
        self.selection = gr.Textbox(visible="hidden", elem_id="selection", label="Selected character of the link")
        self.trail = gr.JSON({"beginnings": [PROMPTS[0]], "at": 0}, visible="hidden", elem_id="beginnings")
        self.listen = gr.Button("Listen", visible="hidden", elem_id="listen")  # see page_stream.js
        self.compared = gr.State()  # what track and card draw: apart from the panels, whose frames it would slow down


def sides(count: int) -> list[tuple[str, int]]:
    """A menu's choices of one side."""
    return [(f"text {n}", n) for n in range(1, count + 1)]


def refitted(stage: Stage, count: int, colour: int) -> list[Any]:
    """What depends on the number of sides, in the order of `by_sides`; `colour` is the side whose bits tint."""
    tints = [("itself", 0), *((f"model {n}", n) for n in range(1, count + 1))]
    return [
        *(gr.Column(visible=i < count) for i in range(MAX_SIDES)),
        changed(stage.controls["colour"], choices=tints, value=min(colour, count)),
        changed(stage.side, choices=[(str(n), n) for n in range(1, count + 1)], value=count),
        changed(stage.showing, choices=[("all texts", 0), *sides(count)], value=0),
    ]


def by_sides(stage: Stage) -> list[Any]:
    """The parts that depend on the number of sides."""
    return [*stage.columns, stage.controls["colour"], stage.side, stage.showing]
