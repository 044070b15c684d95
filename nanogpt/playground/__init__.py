"""The page: `build_app(zoo)`. Gradio is known here, in the modules beside this one, and in app.py."""

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from nanogpt.playground.api import endpoints
from nanogpt.playground.attention import AttentionTab, attention_tab, fit
from nanogpt.playground.compare import CompareTab, compare_tab
from nanogpt.playground.components.text import hold_character
from nanogpt.playground.controls import refit
from nanogpt.playground.guard import Guard
from nanogpt.playground.limits import AT_ONCE, MODEL_LIMIT
from nanogpt.playground.link import FIELDS, link_writer, read_link
from nanogpt.playground.mailboxes import MAX_SESSIONS, Mailboxes
from nanogpt.playground.runs import Runs
from nanogpt.playground.scoring import score_tab
from nanogpt.playground.theme import theme
from nanogpt.zoo import Zoo

LEAD = (
    "A bigram and a GPT continue the same beginning with the same luck: one table of random numbers serves both, "
    "so every difference you see is the model's."
)


def build_app(zoo: Zoo) -> gr.Blocks:
    """The whole page over the checkpoints of `zoo`; building it starts no server."""
    zoo.refresh()
    with gr.Blocks(title="nanoGPT playground", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        # First, so that no listener of the page takes one of their names.
        for name, function in endpoints(zoo).items():
            gr.api(function, api_name=name, **MODEL_LIMIT)
        gr.Markdown(f"# nanoGPT playground\n\n{LEAD}", elem_classes="lead")
        problems = zoo.problems
        notice = gr.Textbox(
            "\n".join(problems),
            label="Please note",
            lines=max(1, len(problems)),
            interactive=False,
            visible=bool(problems),
            elem_id="problems",
        )
        with gr.Tabs() as tabs:
            with gr.Tab("Compare", id="compare"):
                compare = compare_tab(zoo)
            with gr.Tab("Attention", id="attention") as tab:
                looked_at = attention_tab(zoo, compare.controls.prompt, compare.panels, tab)
            with gr.Tab("Score", id="score") as tab:
                judges = score_tab(zoo, tab)
        menus = [*compare.controls.models, looked_at.model, *judges]
        _wire_links(app, zoo, compare, looked_at, menus, tabs, notice)
    app.queue(api_open=False, max_size=64)
    app._queue.sleep_when_free = 0.01  # Gradio looks for requests a thousand times a second; a model that writes waits
    app._queue.pending_messages_per_session = Mailboxes(MAX_SESSIONS, app._queue.pending_event_ids_session)
    return app


def _wire_links(
    app: gr.Blocks,
    zoo: Zoo,
    compare: CompareTab,
    looked_at: AttentionTab,
    menus: list[gr.Dropdown],
    tabs: gr.Tabs,
    notice: gr.Textbox,
) -> None:
    """Copy link puts the state of the page into the address; opening an address puts it back and runs.

    Opening looks at the checkpoints again, so that one trained meanwhile is offered without a restart.
    """
    inputs = [*compare.controls.all, compare.selection, looked_at.model, looked_at.layer, looked_at.head]
    compare.copy_link.click(None, inputs, None, js=link_writer(), **AT_ONCE)

    def open_link(request: gr.Request) -> dict[Any, Any]:
        zoo.refresh()
        values, messages = read_link(request.query_params, zoo)
        words = [*zoo.problems, *messages]
        update: dict[Any, Any] = {menu: gr.Dropdown(choices=zoo.choices) for menu in menus}
        for name, part in zip(FIELDS, inputs, strict=True):
            if name in values:
                update[part] = gr.Dropdown(choices=zoo.choices, value=values[name]) if part in menus else values[name]
        update[notice] = gr.Textbox("\n".join(words), lines=max(1, len(words)), visible=bool(words))
        if "sides" in values:
            update |= zip(compare.by_sides, refit(values["sides"], values.get("colour", 0)), strict=True)
        if "attention_model" in values:
            fitted = fit(zoo, values["attention_model"], values.get("layer", 1), values.get("head", 1))
            update |= zip((looked_at.layer, looked_at.head), fitted, strict=True)
        if "tab" in values:
            update[tabs] = gr.Tabs(selected=values["tab"])
        return update

    outputs = [*dict.fromkeys([*inputs, *menus, *compare.by_sides, tabs, notice])]
    opened = app.load(open_link, None, outputs, show_progress_on=notice, **AT_ONCE)
    compare.run_after(opened)
    ready = gr.Number(0, visible="hidden", elem_id="ready", label="The link's own run is complete")
    compare.complete.change(None, None, ready, js="() => 1", **AT_ONCE)  # it changes once
    ready.change(None, compare.selection, None, js=hold_character(), **AT_ONCE)
    looked_at.take_text(ready.change)


def launch_options() -> dict[str, Any]:
    """What `launch` needs for this page: its look, and limits on what a stranger may send."""
    return {
        "theme": theme(),
        "css": (Path(__file__).parent / "page.css").read_text(encoding="utf-8"),
        "max_file_size": "1kb",
        "enable_monitoring": False,
        "show_error": False,
        "state_session_capacity": 500,
        "footer_links": ["api"],
        "app_kwargs": {"middleware": [Middleware(Guard), Middleware(Runs)]},
    }
