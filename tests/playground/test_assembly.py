"""The whole page, built without a server: its listeners, its links and its limits."""

import inspect
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from blocks import built

from nanogpt.playground import assembly as module
from nanogpt.playground import build_app, launch_options
from nanogpt.playground.fields import FIELDS
from nanogpt.playground.tabs import TABS
from nanogpt.storage.zoo import Zoo

SCRIPT = "".join((Path(module.__file__).parent / name).read_text(encoding="utf-8") for name in module.SCRIPTS)


@pytest.fixture(scope="module")
def app(zoo: Zoo) -> gr.Blocks:
    return built(lambda: build_app(zoo))


def listeners(app: gr.Blocks) -> list[Any]:
    return list(app.fns.values())


def test_every_script_of_a_listener_is_a_function_of_page_js(app: gr.Blocks) -> None:
    offered = re.findall(r"\w+", " ".join(re.findall(r"Object\.assign\(window\.playground, \{(.*?)\}\)", SCRIPT, re.S)))
    used = {fn.js for fn in listeners(app) if fn.js}
    for script in used:
        name = re.fullmatch(r'playground\.(\w+)(\([\["].*\))?', script)
        assert name, script
        assert name[1] in offered, script
    assert len(used) > 10


def test_no_listener_is_public_but_the_endpoints(app: gr.Blocks) -> None:
    public = {fn.api_name for fn in listeners(app) if fn.api_visibility == "public"}
    assert public == {"models", "sample", "compare", "explain", "score", "trace", "attention", "inspect", "figures"}


def test_whoever_asks_a_model_waits_in_one_queue(app: gr.Blocks) -> None:
    """Events that share a queue get the lowest limit among them, so each of them must name it."""
    queued = [fn for fn in listeners(app) if fn.queue and fn.fn is not None]
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in queued} == {("models", 2), ("writing", 128)}
    written = [fn for fn in queued if inspect.isasyncgenfunction(fn.fn)]  # the engine writes; these only look
    assert written == [fn for fn in queued if fn.concurrency_id == "writing"]


def open_page(app: gr.Blocks, **query: str) -> dict[str, Any]:
    """What opening a link sets, by the id of the element; of a drawn part, its new value if it gets one."""
    (load,) = [fn for fn in listeners(app) if fn.fn and any(event == "load" for _, event in fn.targets)]
    trail = {"beginnings": ["ROMEO:\n"], "at": 0}
    found = {}
    for part, update in load.fn(trail, SimpleNamespace(query_params=query)).items():
        if isinstance(update, gr.HTML):
            if "value" in update.constructor_args:
                found[part.elem_id] = update.value
            assert update.props == {**part.props, **update.props}  # see page.changed
        else:
            found[part.elem_id or type(part).__name__] = update
    return found


def test_a_link_sets_what_it_names(app: gr.Blocks) -> None:
    update = open_page(
        app,
        prompt="A",
        temperature="0.5",
        sides="3",
        model_3="mlp",
        attention_model="self_attention",
        head="3",
        tab="score",
    )
    assert (update["prompt"], update["temperature"], update["count"]) == ("A", 0.5, 3)
    assert update["model_3"] == "mlp"
    assert "model_1" not in update  # its choices are filled anew, its value stays
    assert update["head"] == 3
    assert update["Tabs"].selected == "score"
    assert update["which"] == 3
    assert "seed" not in update
    assert update["problems"].visible is False


def test_a_malformed_link_sets_nothing_and_says_so(app: gr.Blocks) -> None:
    keys = [f.link_key for f in FIELDS if f.name != "prompt"] + ["selected", "attention_model", "tab"]
    keys += ["layer", "head", "off", "context"]
    update = open_page(app, **dict.fromkeys(keys, "<b>"))
    assert len(update["problems"].value.splitlines()) == len(keys)
    assert update["problems"].visible is True
    assert not set(keys) & set(update)


def test_a_link_restores_what_is_changed_in_a_model(app: gr.Blocks) -> None:
    update = open_page(app, tab="inside", off="5.3,1.mlp,9.9", context="8", layer="2", head="3")
    assert (update["switches"], update["inside_context"]) == (["5.3", "1.mlp"], 8)  # there is no layer 9
    assert (update["layer"], update["head"]) == (2, 3)
    assert update["Tabs"].selected == "inside"
    small = open_page(app, attention_model="quick", context="200", off="1.3", layer="5", head="1")
    assert (small["switches"], small["inside_context"], small["layer"]) == (["1.3"], 128, None)
    gram = open_page(app, attention_model="bigram", off="1.1", context="8", layer="1", head="1")
    assert (gram["switches"], gram["inside_context"], gram["head"]) == ([], 1, None)


def test_a_page_without_checkpoints_says_how_to_make_some(tmp_path: Path) -> None:
    app = built(lambda: build_app(Zoo(tmp_path / "none")))
    assert open_page(app)["problems"].value == "No checkpoints in none/. Train some with: python train.py"


def test_every_tab_has_its_row(app: gr.Blocks) -> None:
    titles = [block.label for block in app.blocks.values() if isinstance(block, gr.Tab)]
    assert titles == [row.title for row in TABS.values()]


def test_links_to_the_old_name_of_a_tab_open_it(app: gr.Blocks) -> None:
    assert open_page(app, tab="attention")["Tabs"].selected == "inside"


def test_what_launch_is_told() -> None:
    options = launch_options()
    assert options["max_file_size"] == "1kb"
    assert options["show_error"] is False
    assert SCRIPT in options["head"]
    assert "</script" not in SCRIPT
