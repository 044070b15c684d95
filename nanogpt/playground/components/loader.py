"""Builds a drawn component from its files: NAME.html, NAME.css and, if it has a script, NAME.js.

The colours of shared.css stand in front of a component's own style, so that no component depends on the page's.
gr.HTML runs a component's script as the body of a function. The table of named characters and shared.js are put in
front of the script, inside that function. So two components never share a variable, each works on any page, and none
depends on the order in which scripts load. This costs 5 kB for each component before the server compresses the page,
and next to nothing after. One copy in the page's head would save that, but then every page that shows a component
would have to load it first.
"""

import json
import re
from pathlib import Path
from typing import Any

import gradio as gr

from nanogpt.playground.components.glyphs import named_characters


def load_component(
    name: str, value: Any = None, elem_id: str | None = None, label: str | None = None, base: str = "", **props: Any
) -> gr.HTML:
    """The component `name` inside the current Blocks. `label` names it for screen readers; its script reads `props`.

    The template must be constant: gr.HTML runs what stands in it as code. Put data in `value` and `props`, as JSON.
    `base` names a style and a script that several components share, e.g. "control".
    """
    return gr.HTML(
        value,
        label=label,
        elem_id=elem_id,
        html_template=_read(f"{name}.html"),
        css_template=component_style(name, base),
        js_on_load=component_script(name, base) if _file(f"{name}.js").exists() else None,
        apply_default_css=False,
        **props,
    )


def component_style(name: str, base: str = "") -> str:
    """The whole style of the component `name`: the colours of shared.css, the base's style, then its own."""
    return _read("shared.css") + (_read(f"{base}.css") if base else "") + _read(f"{name}.css")


def component_script(name: str, base: str = "") -> str:
    """The whole script of the component `name`: the named characters, shared.js, the base's script, then its own.

    A script that is long is divided: NAME_*.js come before NAME.js.
    """
    parts = sorted(path.name for path in Path(__file__).parent.glob(f"{name}_*.js"))
    own = ([f"{base}.js"] if base else []) + [*parts, f"{name}.js"]
    return shared_script() + "".join(without_comments(_read(file)) for file in own)


def shared_script() -> str:
    """What stands before the script of every component: the named characters and shared.js."""
    table = json.dumps(named_characters(), ensure_ascii=False)
    return f"const NAMED = {table};\n{without_comments(_read('shared.js'))}"


def without_comments(script: str) -> str:
    """A script without its comment lines: they are for those who read the file, and every page would carry them."""
    return re.sub(r"^ *//.*\n", "", script, flags=re.MULTILINE)


def _file(name: str) -> Path:
    return Path(__file__).with_name(name)


def _read(name: str) -> str:
    return _file(name).read_text(encoding="utf-8")
