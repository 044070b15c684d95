"""The whole page: its tabs, its links, and what the server needs to know to launch it."""

import inspect
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from nanogpt.checks import one_of
from nanogpt.playground.admission import Admission
from nanogpt.playground.calls import Calls
from nanogpt.playground.endpoints import endpoints
from nanogpt.playground.fields import FIELDS
from nanogpt.playground.guard import Guard
from nanogpt.playground.limits import AT_ONCE, MAX_WAITING, MODEL_LIMIT, WRITING_LIMIT, refused
from nanogpt.playground.link import read_link
from nanogpt.playground.mailboxes import MAX_SESSIONS, Mailboxes
from nanogpt.playground.page import Linked, Page, Update, changed
from nanogpt.playground.preview import Preview
from nanogpt.playground.tabs import OLD_NAMES, TABS
from nanogpt.playground.terms import terms_head
from nanogpt.playground.theme import theme
from nanogpt.storage.zoo import Zoo

WORKERS = 160  # requests that Gradio answers at once: those that are written wait in no thread of their own
SCRIPTS = ("page.js", "page_address.js", "page_view.js", "page_inside.js", "page_stream.js")


def build_app(zoo: Zoo) -> gr.Blocks:
    """The whole page over the checkpoints of `zoo`; building it starts no server."""
    zoo.refresh()
    page = Page(zoo)
    with gr.Blocks(title="nanoGPT playground", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        # First, so that no listener of the page takes one of their names.
        for name, function in endpoints(zoo, page.comparer).items():
            limit = WRITING_LIMIT if inspect.isasyncgenfunction(function) else MODEL_LIMIT
            gr.api(function, api_name=name, **limit)
        gr.HTML("<h1>nanoGPT playground</h1>", elem_id="title", js_on_load=None)
        notice = gr.Textbox(**_words([zoo.notice]), label="Please note", interactive=False, elem_id="problems")
        tabs = build_tabs(page)
        copy_link = build_actions()
        _wire_links(app, page, tabs, notice)
        _wire_address(app, page, tabs, copy_link)
    app.queue(api_open=False, max_size=MAX_WAITING)
    app._queue.pending_messages_per_session = Mailboxes(MAX_SESSIONS, app._queue.pending_event_ids_session)
    app._queue.sleep_when_free = 0.01  # Gradio looks for requests a thousand times a second; a model that writes waits
    _describe_once(app)
    return app


def _describe_once(app: gr.Blocks) -> None:
    """Keep the description of every part of the page, which Gradio computes anew for each visitor.

    It took the server's event loop 50 ms, so the last of thirty who came at once waited for more than a second.
    """
    for block in app.blocks.values():
        vars(block)["get_config"] = partial(dict, block.get_config())


def _words(sentences: list[str]) -> dict[str, Any]:
    """A box that shows these sentences, a line each, or hides without any; empty ones do not count."""
    sentences = list(filter(None, sentences))
    return {"value": "\n".join(sentences), "lines": max(1, len(sentences)), "visible": bool(sentences)}


def build_tabs(page: Page) -> gr.Tabs:
    """The tabs, inside the current Blocks; each leaves in `page` what the others and links need of it."""
    with gr.Tabs() as tabs:
        for name, row in TABS.items():
            with gr.Tab(row.title, id=name, elem_id=name) as tab:
                row.build(page, tab)
    return tabs


def linked_parts(page: Page, tabs: gr.Tabs) -> dict[str, Linked]:
    """Everything that a link may set, by its name there."""
    return {**page.linked, "tab": Linked(tabs, lambda text: one_of("Tab", OLD_NAMES.get(text, text), TABS))}


def build_actions() -> gr.Button:
    """What concerns the whole page, at the right end of its first line. It comes last, so that the keyboard reaches the
    texts first. Returns the button that copies the link."""
    with gr.Row(elem_id="page_actions"):
        gr.Button("Words", elem_id="words", size="sm", min_width=0)
        present = gr.Button("Present", elem_id="present", size="sm", min_width=0)
        copy_link = gr.Button("Copy link", elem_id="copy_link", size="sm", min_width=0)
    present.click(None, js="playground.present", **AT_ONCE)
    return copy_link


def _wire_links(app: gr.Blocks, page: Page, tabs: gr.Tabs, notice: gr.Textbox) -> None:
    """Opening an address restores the page that it describes and starts a run.

    Opening looks at the checkpoints again, so that one trained meanwhile is offered without a restart.
    """
    linked = linked_parts(page, tabs)
    inputs = [link.component for link in page.linked.values()]

    def open_link(trail: Any, request: gr.Request) -> Update:
        page.zoo.refresh()
        values, messages = read_link(request.query_params, {name: link.read for name, link in linked.items()})
        choices = page.zoo.choices
        update: Update = {menu: gr.HTML(choices=choices) for menu in page.menus}
        update[notice] = gr.Textbox(**_words([page.zoo.notice, *messages]))
        for name, value in values.items():
            part = linked[name].component
            update[part] = gr.HTML(choices=choices, value=value) if part in page.menus else value
        if "tab" in values:
            update[tabs] = gr.Tabs(selected=values["tab"])
        for refit in page.refits:
            update |= refit(values)
        with refused():
            return with_all_props(outputs, update | page.restore(trail))

    outputs = [*dict.fromkeys([*inputs, *page.menus, *page.refitted, *page.restored, tabs, notice])]
    opened = app.load(
        open_link, page.trail, outputs, js="playground.trailOfHistory", show_progress_on=notice, **AT_ONCE
    )
    page.run_after(opened)


def with_all_props(outputs: Sequence[Any], update: Update) -> Update:
    """The same update, in which every drawn part is sent with all its properties: Gradio updates every output."""
    whole: Update = {}
    for part in outputs:
        change = update.get(part)
        if isinstance(part, gr.HTML) and part not in update:
            whole[part] = changed(part)
        elif isinstance(part, gr.HTML) and isinstance(change, gr.HTML):
            whole[part] = changed(part, **change.constructor_args)
        elif part in update:
            whole[part] = change
    return whole


def _wire_address(app: gr.Blocks, page: Page, tabs: gr.Tabs, copy_link: gr.Button) -> None:
    """The address describes the page after every run, and whenever something else changes that a link holds."""
    inputs = [page.trail, *(link.component for link in page.linked.values())]
    write: dict[str, Any] = {"js": f"playground.addressWriter({json.dumps(list(page.linked))})", **AT_ONCE}
    controls = {f.link_key for f in FIELDS}
    others = [link.component.change for name, link in page.linked.items() if name not in controls]
    page.complete(None, inputs, None, **write)
    gr.on([tabs.change, *others], None, inputs, None, **write)
    copy_link.click(None, inputs, None, **write).then(None, js="playground.copyLink", **AT_ONCE)
    labels = json.dumps([f.title for f in FIELDS])
    keys = json.dumps([f.link_key for f in FIELDS])
    fields = [page.linked[f.link_key].component for f in FIELDS]
    app.load(None, fields, None, js=f"playground.describe({labels}, {keys})", **AT_ONCE)


def launch_options() -> dict[str, Any]:
    """What `launch` needs for this page: its look and its script, and limits on what a stranger may send."""
    here = Path(__file__).parent
    style, *scripts = ((here / name).read_text(encoding="utf-8") for name in ("page.css", *SCRIPTS))
    script = "".join(["{\n", *scripts, "}"])  # a block: its names stay out of the global scope
    return {
        "theme": theme(),
        # Gradio puts a class before every selector of `css`: none of its rules could tell a state of the whole page.
        "head": f"<style>{style}</style>\n<script>{script}</script>\n{terms_head()}",
        "max_threads": WORKERS,
        "max_file_size": "1kb",
        "enable_monitoring": False,
        "show_error": False,
        "ssr_mode": False,  # a Node server would answer for the page, and the link preview would be Gradio's again
        "state_session_capacity": 100,
        "footer_links": ["api"],
        "app_kwargs": {
            "middleware": [Middleware(one) for one in (GZipMiddleware, Guard, Preview, Calls, Admission)],
        },
    }
