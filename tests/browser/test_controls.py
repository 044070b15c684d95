"""The controls in a page of Gradio's: one rule for every value that is typed, pasted, cleared, slid or chosen."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import gradio as gr
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Request, expect
from small_page import press, served, visited

from nanogpt.playground.components.beginning import beginning
from nanogpt.playground.components.dial import dial
from nanogpt.playground.components.menu import menu

pytestmark = pytest.mark.browser

FIRST: dict[str, Any] = {"heat": 0.8, "length": 300, "seed": 1, "model": "gpt", "sides": 2, "prompt": "ROMEO:\n"}
EXAMPLES = ["ROMEO:\n", "To be", "<b>\n&amp;"]
CHOICES = [("Bigram", "bigram"), ("GPT", "gpt")]
MOST = 20  # characters of the prompt
# What the button "change" sets from Python, control by control.
CHANGED: dict[str, dict[str, Any]] = {
    "heat": {"value": 1.25},
    "length": {"disabled": "the text is complete"},
    "model": {"choices": [*CHOICES, ("MLP", "mlp")], "value": "mlp"},
    "sides": {"choices": [("one", 1), ("two", 2)], "disabled": "there is one"},
    "prompt": {"value": "HENRY:\n"},
}
EVENTS = ("input", "release", "submit")

heard: list[tuple[str, str, Any]] = []  # (control, event, value) as Python got them
pending: set[Request] = set()  # what the page has asked and not yet been answered
asked: list[dict[str, Any]] = []  # all values, each time that the button "ask" was pressed


def build() -> gr.Blocks:
    """A page with some controls, and buttons that change them and ask for their values."""
    with gr.Blocks(analytics_enabled=False) as app:
        with gr.Row():
            controls = {
                "heat": dial("heat", "Heat", minimum=0, maximum=2, step=0.01, value=0.8, info="2 is wild", term="heat"),
                "length": dial("length", "Length", minimum=1, maximum=2000, step=1, value=300, info="to write"),
                "seed": dial("seed", "Seed", minimum=0, maximum=2**32 - 1, step=1, value=1, slider=False),
            }
        controls |= {
            "model": menu("model", "Model", CHOICES, "gpt", compact=True),
            "sides": menu("sides", "Sides", [(str(n), n) for n in (2, 3, 4)], 2, "side by side"),
            "prompt": beginning("prompt", "Beginning", "ROMEO:\n", EXAMPLES, "Enter runs", most=MOST),
        }
        quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden"}
        for name, control in controls.items():
            for event in EVENTS:
                if f'"{event}"' in str(control.js_on_load):
                    note = lambda value, name=name, event=event: heard.append((name, event, value))  # noqa: E731
                    getattr(control, event)(note, control, None, **quiet)
        changed = [controls[name] for name in CHANGED]
        gr.Button("change", elem_id="change").click(
            lambda: [gr.HTML(**new) for new in CHANGED.values()], None, changed, **quiet
        )
        gr.Button("enable", elem_id="enable").click(lambda: gr.HTML(disabled=""), None, controls["length"], **quiet)
        gr.Button("ask", elem_id="ask").click(
            lambda *values: asked.append(dict(zip(controls, values, strict=True))), [*controls.values()], None, **quiet
        )
    return app


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(build()) as url:
        yield url


def asks(request: Request) -> None:
    pending.add(request)


def answered(request: Request) -> None:
    pending.discard(request)


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    ready = "#prompt .examples option:nth-child(2)"
    with visited(browser, url, ready, permissions=["clipboard-read", "clipboard-write"]) as page:
        heard.clear()
        pending.clear()
        page.on("request", asks)
        page.on("requestfinished", answered)
        page.on("requestfailed", answered)
        yield page


def handled(page: Page, button: str) -> None:
    """Press a button, and wait until the page has handled Python's answer."""
    press(page, button)
    page.wait_for_timeout(150)


def values(page: Page) -> dict[str, Any]:
    """The values of the controls that a Python function gets."""
    handled(page, "ask")
    return asked[-1]


def events(page: Page) -> list[tuple[str, str, Any]]:
    """What Python has heard since the last call."""
    page.wait_for_timeout(250)
    while pending:
        page.wait_for_timeout(50)
    found = list(heard)
    heard.clear()
    return found


def box(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} input[type=number]")


def slider(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} input[type=range]")


def writing(page: Page) -> Locator:
    return page.locator("#prompt textarea")


def told(page: Page, name: str) -> str:
    """The message of a control."""
    return page.locator(f"#{name} [role=status]").inner_text()


def enter(page: Page, name: str, text: str, how: str) -> None:
    """Put a text in place of what stands in a number box, by typing it or by pasting it."""
    box(page, name).focus()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    if how == "typed":
        page.keyboard.type(text)
    else:
        page.evaluate("text => navigator.clipboard.writeText(text)", text)
        page.keyboard.press("Control+V")


def test_values_reach_python_with_their_types(page: Page) -> None:
    found = values(page)
    assert found == FIRST
    assert {name: type(value) for name, value in found.items()} == {name: type(v) for name, v in FIRST.items()}
    assert events(page) == []


# --- numbers ---


ENTERED: list[tuple[str, str, float, str]] = [
    ("heat", "1.5", 1.5, ""),
    ("heat", "0.125", 0.125, ""),
    ("heat", "1e-1", 0.1, ""),
    ("heat", "5", 2, "5 is above 2, the largest: 2 it is."),
    ("heat", "-3", 0, "-3 is below 0, the smallest: 0 it is."),
    ("heat", "", 0.8, "That is no number: 0.8 stays."),
    ("heat", "e", 0.8, "That is no number: 0.8 stays."),
    ("heat", "--", 0.8, "That is no number: 0.8 stays."),
    ("length", "40", 40, ""),
    ("length", "99999", 2000, "99,999 is above 2,000, the largest: 2,000 it is."),
    ("length", "0", 1, "0 is below 1, the smallest: 1 it is."),
    ("length", "12.4", 12, "12.4 is no whole number: 12 it is."),
    ("length", "1e2", 100, ""),
    ("seed", "4294967295", 2**32 - 1, ""),
    ("seed", "1.5", 2, "1.5 is no whole number: 2 it is."),
]  # fmt: skip


@pytest.mark.parametrize("how", ["typed", "pasted"])
def test_one_rule_for_whatever_is_entered(how: str, page: Page) -> None:
    for name, text, value, message in ENTERED if how == "typed" else ENTERED[3::3]:
        enter(page, name, text, how)
        page.keyboard.press("Enter")
        assert told(page, name) == message, (name, text)
        assert float(box(page, name).input_value()) == value, (name, text)
        assert box(page, name).get_attribute("aria-invalid") == "false", (name, text)
        found = values(page)
        assert found == {**FIRST, name: value}, (name, text)
        assert type(found[name]) is type(value), (name, text)
        box(page, name).blur()  # changes nothing more, and leaves the message to be read
        assert events(page) == ([(name, "input", value)] if value != FIRST[name] else []), (name, text)
        assert told(page, name) == message, (name, text)
        enter(page, name, str(FIRST[name]), "typed")
        page.keyboard.press("Enter")
        events(page)


def test_a_number_is_committed_when_the_focus_leaves(page: Page) -> None:
    enter(page, "heat", "5", "typed")
    assert events(page) == []
    page.keyboard.press("Tab")
    assert events(page) == [("heat", "input", 2)]
    assert slider(page, "heat").input_value() == "2"
    enter(page, "heat", "", "typed")
    page.keyboard.press("Tab")
    assert (events(page), box(page, "heat").input_value()) == ([], "2")


def test_arrow_keys_step_a_number_box(page: Page) -> None:
    box(page, "length").focus()
    for key, value in (("ArrowUp", 301), ("ArrowUp", 302), ("ArrowDown", 301)):
        page.keyboard.press(key)
        assert ("length", "input", value) in events(page)
        assert values(page)["length"] == value


def test_what_is_typed_and_not_allowed_is_marked_at_once(page: Page) -> None:
    for name, text, allowed in (
        ("heat", "2.5", "A number from 0 to 2."), ("heat", "", "A number from 0 to 2."),
        ("length", "2001", "A whole number from 1 to 2,000."), ("length", "1.5", "A whole number from 1 to 2,000."),
    ):  # fmt: skip
        enter(page, name, text, "typed")
        assert box(page, name).get_attribute("aria-invalid") == "true", (name, text)
        assert told(page, name) == allowed
        assert values(page) == FIRST
        enter(page, name, "1", "typed")
        assert (box(page, name).get_attribute("aria-invalid"), told(page, name)) == ("false", "")
        enter(page, name, str(FIRST[name]), "typed")
        page.keyboard.press("Enter")


def test_a_message_stands_in_place_of_the_hint_for_a_moment(page: Page) -> None:
    hint = page.locator("#heat .hint")
    assert hint.inner_text() == "2 is wild"
    page.clock.install()
    enter(page, "heat", "5", "typed")
    page.keyboard.press("Enter")
    page.clock.run_for(5000)
    assert not hint.is_visible()
    page.clock.run_for(5000)
    assert (told(page, "heat"), hint.is_visible()) == ("", True)


def test_a_slider_tells_each_value_and_when_it_is_let_go(page: Page) -> None:
    track = slider(page, "heat").bounding_box()
    assert track is not None
    x, y = track["x"], track["y"] + track["height"] / 2
    page.mouse.move(x + 0.4 * track["width"], y)
    page.mouse.down()
    assert page.evaluate("document.querySelector('input[type=range]:active') !== null")
    moves = events(page)  # the press itself
    for share in (0.5, 0.6, 0.7):
        page.mouse.move(x + share * track["width"], y)
        moves += events(page)
    assert {event for _, event, _ in moves} == {"input"}
    assert 3 <= len(moves) <= 4  # the press may have been where the slider stood
    page.mouse.up()
    ((_, last, value),) = events(page)
    assert last == "release"
    assert moves[-1][2] == value == values(page)["heat"] == float(box(page, "heat").input_value())
    assert 1.2 < value < 1.6


@pytest.mark.parametrize(("name", "ends"), [("heat", (0, 2)), ("length", (1, 2000))])
def test_a_slider_by_keyboard(name: str, ends: tuple[int, int], page: Page) -> None:
    step = {"heat": 0.01, "length": 1}[name]
    slider(page, name).press("ArrowRight")
    assert values(page)[name] == pytest.approx(FIRST[name] + step)
    for key, end in zip(("Home", "End"), ends, strict=True):
        slider(page, name).press(key)
        assert values(page)[name] == end
        assert float(box(page, name).input_value()) == end
    assert {event for _, event, _ in events(page)} == {"input", "release"}


def test_a_slider_that_moves_clears_what_was_said_of_the_box(page: Page) -> None:
    enter(page, "heat", "5", "typed")
    page.keyboard.press("Enter")
    slider(page, "heat").press("ArrowLeft")
    assert (told(page, "heat"), box(page, "heat").input_value()) == ("", "1.99")


def test_without_a_slider_there_is_one_input(page: Page) -> None:
    assert page.locator("#seed input").count() == 1
    assert page.get_by_label("Seed").input_value() == "1"


# --- menus ---


def test_a_menu_works_by_keyboard(page: Page) -> None:
    """Once the arrow keys changed the menu but not the text, and the list stayed open when the focus had left."""
    sides = page.get_by_role("combobox", name="Sides")
    sides.focus()
    page.keyboard.press("ArrowDown")
    assert events(page) == [("sides", "input", 3)]
    page.keyboard.press("End")
    assert events(page) == [("sides", "input", 4)]
    assert type(values(page)["sides"]) is int
    page.keyboard.press("Tab")
    assert events(page) == []


def test_a_choice_is_told_once(page: Page) -> None:
    page.locator("#model select").select_option(label="Bigram")
    assert events(page) == [("model", "input", "bigram")]
    page.locator("#model select").select_option(label="Bigram")
    assert events(page) == []


# --- the beginning ---


def test_enter_runs_and_shift_enter_makes_a_line(page: Page) -> None:
    writing(page).fill("A")
    assert events(page) == [("prompt", "input", "A")]
    writing(page).press("Shift+Enter")
    assert events(page) == [("prompt", "input", "A\n")]
    writing(page).press("Enter")
    assert events(page) == [("prompt", "submit", "A\n")]
    assert writing(page).input_value() == values(page)["prompt"] == "A\n"


def test_a_text_that_is_too_long_is_kept_marked_and_not_run(page: Page) -> None:
    """Once a paste was cut without a word."""
    for character in ("a", "é", "🙂"):
        enter_too_long(page, character)


def enter_too_long(page: Page, character: str) -> None:
    writing(page).fill("ok")
    writing(page).press("Control+A")
    page.evaluate("text => navigator.clipboard.writeText(text)", (MOST + 1) * character)
    page.keyboard.press("Control+V")
    page.keyboard.press("Enter")
    assert writing(page).input_value() == (MOST + 1) * character
    assert writing(page).get_attribute("aria-invalid") == "true"
    assert told(page, "prompt") == "Beginning may have 20 characters; this has 21."
    assert values(page)["prompt"] == "ok"
    assert events(page) == [("prompt", "input", "ok")]
    page.keyboard.press("Backspace")
    assert (writing(page).get_attribute("aria-invalid"), told(page, "prompt")) == ("false", "")
    assert values(page)["prompt"] == MOST * character
    events(page)


def test_a_long_text_names_its_numbers(page: Page) -> None:
    writing(page).fill("a" * 2345)
    assert told(page, "prompt") == "Beginning may have 20 characters; this has 2,345."


def test_an_example_is_taken_and_run(page: Page) -> None:
    examples = page.get_by_role("combobox", name="Examples")
    shown = [option.inner_text() for option in page.locator("#prompt option").all()]
    assert shown == ["Examples", "ROMEO:↵", "To␣be", "<b>↵&amp;"]
    assert examples.evaluate("node => node.selectedIndex") == 1  # the text is the first one
    for index in (3, 2):
        examples.select_option(index=index)
        chosen = EXAMPLES[index - 1]
        assert sorted(events(page)) == [("prompt", "input", chosen), ("prompt", "submit", chosen)]
        assert writing(page).input_value() == values(page)["prompt"] == chosen
    examples.select_option(index=0)
    assert (events(page), examples.evaluate("node => node.selectedIndex")) == ([], 2)
    writing(page).fill("own")
    assert examples.evaluate("node => node.selectedIndex") == 0


def test_the_beginning_grows_to_four_lines_and_marks_their_ends(page: Page) -> None:
    heights = []
    for lines in range(1, 7):
        writing(page).fill("\n".join("ab"[:lines] for _ in range(lines)))
        box = writing(page).bounding_box()
        assert box is not None
        heights.append(box["height"])
        assert page.locator("#prompt .mark").count() == lines - 1
    steps = [round(two - one, 1) for one, two in pairwise(heights)]
    assert steps[:3] == [steps[0]] * 3
    assert steps[0] > 15
    assert steps[3:] == [0, 0]


def test_a_mark_stands_behind_its_line(page: Page) -> None:
    """Text and marks are two layers: the same font and the same place."""
    style = "node => [getComputedStyle(node).font, getComputedStyle(node).padding, node.clientWidth]"
    writing(page).fill("a b\nc")
    assert writing(page).evaluate(style) == page.locator("#prompt .mirror").evaluate(style)


# --- what Python sets ---


def test_python_sets_values_choices_and_reasons(page: Page) -> None:
    handled(page, "change")
    assert events(page) == []
    assert values(page) == {**FIRST, "heat": 1.25, "model": "mlp", "prompt": "HENRY:\n"}
    assert (box(page, "heat").input_value(), slider(page, "heat").input_value()) == ("1.25", "1.25")
    assert page.locator("#heat .hint").inner_text() == "2 is wild"
    assert page.locator("#model option").all_inner_texts() == ["Bigram", "GPT", "MLP"]
    assert page.locator("#model option:checked").inner_text() == "MLP"
    assert page.locator("#sides option:checked").inner_text() == "two"
    assert writing(page).input_value() == "HENRY:\n"


def test_a_disabled_control_shows_why(page: Page) -> None:
    handled(page, "change")
    for name, reason, inputs in (("length", "the text is complete", 2), ("sides", "there is one", 1)):
        assert page.locator(f"#{name} .hint").inner_text() == reason
        assert page.locator(f"#{name} .input:disabled").count() == inputs
    handled(page, "enable")
    assert page.locator("#length .hint").inner_text() == "to write"
    assert page.locator("#length .input:disabled").count() == 0
    assert page.locator("#sides .hint").inner_text() == "there is one"


def test_a_text_that_is_being_typed_outlives_an_answer(page: Page) -> None:
    enter(page, "seed", "77", "typed")
    handled(page, "change")
    assert box(page, "seed").input_value() == "77"


# --- for everyone ---


def test_every_input_is_found_by_its_label(page: Page) -> None:
    for role, names in (
        ("slider", ("Heat", "Length")), ("spinbutton", ("Heat", "Length", "Seed")),
        ("combobox", ("Model", "Sides", "Examples")), ("textbox", ("Beginning",)),
    ):  # fmt: skip
        for name in names:
            expect(page.get_by_role(role, name=name, exact=True)).to_have_count(1)  # type: ignore[arg-type]
    assert page.locator("input, select, textarea").count() == 9
    expect(slider(page, "heat")).to_have_accessible_description("2 is wild")
    assert page.locator("#heat [data-term=heat]").inner_text() == "Heat"
    assert page.locator("#length [data-term]").count() == 0
    page.locator("#sides label").click()
    assert page.evaluate("document.activeElement.matches('#sides select')")


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("change", [False, True])
def test_axe_finds_nothing(mode: str, change: bool, page: Page) -> None:
    page.emulate_media(color_scheme=mode)  # type: ignore[arg-type]
    page.reload()
    page.locator("#prompt .examples option").nth(1).wait_for(state="attached")
    if change:
        handled(page, "change")
        enter(page, "heat", "5", "typed")
        writing(page).fill("a" * 30)
    for name in FIRST:
        assert Axe().run(page, f"#{name}").response["violations"] == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_overlaps(width: int, page: Page) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    handled(page, "change")
    enter(page, "heat", "-123456", "typed")
    page.keyboard.press("Enter")
    parts = page.evaluate(
        """names => names.map((name) => Array.from(document.querySelectorAll(`#${name} .control > *`))
          .map((node) => node.getBoundingClientRect()).filter((box) => box.width > 1 && box.height > 1)
          .map((box) => [box.left, box.top, box.right, box.bottom]))""",
        [*FIRST],
    )
    for boxes in parts:
        assert len(boxes) >= 1
        for i, one in enumerate(boxes):
            assert 0 <= one[0] < one[2] <= width
            for other in boxes[i + 1 :]:
                assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_forced_colours_leave_the_slider_to_the_browser(page: Page) -> None:
    assert slider(page, "heat").evaluate("node => getComputedStyle(node).appearance") == "none"
    page.emulate_media(forced_colors="active")
    assert slider(page, "heat").evaluate("node => getComputedStyle(node).appearance") == "auto"
