"""The drawn components: every file is found and loaded, and no template is filled with text."""

import re
from functools import partial
from pathlib import Path

import gradio as gr
import pytest

import nanogpt.playground.components
from nanogpt.playground.components.beginning import beginning
from nanogpt.playground.components.card import card
from nanogpt.playground.components.curve import curve
from nanogpt.playground.components.dial import dial
from nanogpt.playground.components.glyphs import named_characters
from nanogpt.playground.components.heads import heads
from nanogpt.playground.components.loader import component_script, component_style, load_component, without_comments
from nanogpt.playground.components.menu import menu
from nanogpt.playground.components.switches import switches
from nanogpt.playground.components.text_panel import text_panel
from nanogpt.playground.components.track import track
from nanogpt.playground.components.why import why

FOLDER = Path(nanogpt.playground.components.__file__).parent
DRAWN = [card, curve, heads, switches, text_panel, track, why]
NAMES = [function.__name__ for function in DRAWN]
# The further files of a script that is divided, in the order in which they stand before its own.
FURTHER = {
    "card": ["card_draws"],
    "heads": ["heads_colours", "heads_data", "heads_text", "heads_thumbs"],
    "text_panel": ["text_panel_marks"],
    "why": ["why_reasons"],
}
ALL_FURTHER = [part for parts in FURTHER.values() for part in parts]
CONTROLS = {
    "beginning": partial(beginning, value="a", examples=["a", "b"], most=9),
    "dial": partial(dial, minimum=1, maximum=9, step=1, value=4),
    "menu": partial(menu, choices=[("A", 1)], value=1),
}
MAX_LINES = 60  # of a JavaScript function


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("function", DRAWN)
def test_a_component_is_made_of_its_files(function) -> None:  # type: ignore[no-untyped-def]
    name = function.__name__
    made = function("an_id", "A label")
    assert isinstance(made, gr.HTML)
    assert (made.elem_id, made.label) == ("an_id", "A label")
    assert made.html_template == text_of(f"{name}.html")
    assert made.css_template == component_style(name) == text_of("shared.css") + text_of(f"{name}.css")
    assert made.js_on_load == component_script(name)
    assert made.apply_default_css is False


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_has_the_style_and_the_script_of_all_controls_before_its_own(name: str) -> None:
    made = CONTROLS[name]("an_id", "A label", info="a hint", disabled="a reason", term="a term")
    assert (made.elem_id, made.label) == ("an_id", "A label")
    assert made.html_template == text_of(f"{name}.html")
    assert str(made.css_template).endswith(text_of("control.css") + text_of(f"{name}.css"))
    assert made.js_on_load == component_script(name, base="control")
    assert component_script(name, base="control").endswith(
        without_comments(text_of("control.js") + text_of(f"{name}.js"))
    )
    assert [made.props[key] for key in ("info", "disabled", "term")] == ["a hint", "a reason", "a term"]


@pytest.mark.parametrize("name", NAMES)
def test_the_script_is_the_table_what_is_shared_and_the_component_s_own(name: str) -> None:
    script = component_script(name)
    table, shared, own = script.partition("\n")[0], text_of("shared.js"), text_of(f"{name}.js")
    assert table.startswith("const NAMED = {")
    assert all(entry["glyph"] in table and entry["name"] in table for entry in named_characters().values())
    further = "".join(text_of(f"{part}.js") for part in FURTHER.get(name, []))
    assert script == table + "\n" + without_comments(shared + further + own)


def test_only_whole_lines_of_comment_are_left_out() -> None:
    script = "// a\nconst a = 1; // b\n  // c\nconst u = 'http://x';\n"
    assert without_comments(script) == "const a = 1; // b\nconst u = 'http://x';\n"


def test_further_keywords_are_props_of_the_script() -> None:
    assert text_panel("an_id", "A label", "score", 2).props == {"group": "score", "side": 2}
    assert track("an_id", "A label", "score").props == {"group": "score"}
    assert card("an_id", "A label").props == {"group": "compare", "all": None}
    assert why("an_id", "A label").props == {"group": "inside", "dependence": None}


def test_an_unknown_component_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load_component("no_such_component")


def test_every_file_belongs_to_a_component_or_is_shared() -> None:
    assert {path.stem for path in FOLDER.glob("*.html")} == {*NAMES, *CONTROLS, "legend"}
    assert {path.stem for path in FOLDER.glob("*.css")} == {*NAMES, *CONTROLS, "control", "legend", "shared"}
    assert {path.stem for path in FOLDER.glob("*.js")} == {*NAMES, *CONTROLS, *ALL_FURTHER, "control", "shared"}


def test_templates_are_constant() -> None:
    """gr.HTML evaluates its templates: `{{x}}` as a Handlebars expression, `${x}` and a backquote as JavaScript."""
    for path in [*FOLDER.glob("*.html"), *FOLDER.glob("*.css")]:
        for code in ("{" * 2, "${", "`", "\\"):
            assert code not in path.read_text(encoding="utf-8"), (path.name, code)


def test_the_name_of_a_character_stands_in_one_file() -> None:
    for path in FOLDER.parent.rglob("*.*"):
        if path.suffix in (".py", ".js") and path.name != "glyphs.py":  # its docstring shows one
            assert not set("␣↵⇥") & set(path.read_text(encoding="utf-8")), path.name


def function_lengths(script: str) -> list[int]:
    """The number of lines of each function that takes more than one; it ends where its indentation ends."""
    lines = script.splitlines()
    lengths = []
    for start, line in enumerate(lines):
        if re.search(r"(=>|function \w+\(.*\)) \{$", line):
            end = " " * (len(line) - len(line.lstrip())) + "}"
            lengths.append(1 + next(i for i, other in enumerate(lines[start:]) if other.startswith(end)))
    return lengths


@pytest.mark.parametrize("name", ["shared.js", *(f"{name}.js" for name in [*NAMES, *ALL_FURTHER])])
def test_functions_and_files_stay_short(name: str) -> None:
    assert len(text_of(name).splitlines()) <= 300
    lengths = function_lengths(text_of(name))
    assert len(lengths) >= 5
    assert max(lengths) <= MAX_LINES


def test_the_length_of_a_function_is_counted_to_its_end() -> None:
    """The limit above would be vacuous if the counter overlooked functions or ended them early."""
    script = "function f(a) {\n  if (a) {\n    b();\n  }\n}\nconst g = (x) => {\n  y();\n};\non((e) => {\n  z();\n});\n"
    assert function_lengths(script) == [5, 3, 3]
