"""What the drawn components share, on a blank page: characters and numbers, elements, selection, repainting."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from nanogpt.playground.components.glyphs import named_characters
from nanogpt.playground.components.loader import shared_script

pytestmark = pytest.mark.browser

REST = 120  # milliseconds until a preview is told
NODE = '<div id="component"><div class="strip" tabindex="0" style="width: 220px; height: 30px; outline: 0"></div></div>'
# Ten targets of 20 pixels; right of them there is none. `shown` and `told` record what the component was asked to do.
STRIP = """
window.shown = [];
window.told = [];
const strip = find("strip");
const at = (index) => ({ index: Math.max(0, Math.min(9, index)) });
window.choice = selectable(strip, {
  hit: (event) => {
    if (window.busy) return undefined;
    const index = Math.floor((event.clientX - strip.getBoundingClientRect().left) / 20);
    return index < 10 ? { index } : null;
  },
  first: () => (window.empty ? null : { index: 3 }),
  moves: ({ index }) => ({ ArrowLeft: at(index - 1), ArrowRight: at(index + 1), Home: at(0) }),
  show: (selected, locked) => window.shown.push([selected && selected.index, locked]),
  tell: (selected) => window.told.push(selected && selected.index),
});
window.painted = 0;
repaintWith(strip, () => window.painted++);
"""
EVERYTHING = "Object.assign(window, { glyphs, shortGlyph, nameOf, writeGlyph, figures, write, fit, same });"


@pytest.fixture
def strip(browser: Browser) -> Iterator[Page]:
    """A page with the small component above and nothing else, for mouse and touch; script errors fail."""
    page = browser.new_page(has_touch=True)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(f'<button id="before">before</button>{NODE}<button id="after">after</button>')
    page.evaluate(
        "script => Function('element', script)(document.getElementById('component'))",
        shared_script() + STRIP + EVERYTHING,
    )
    yield page
    page.close()
    assert not errors


def point(page: Page, index: float, act: Callable[[float, float], None] | None = None) -> None:
    """Move the pointer to a target, or do something else there."""
    box = page.locator(".strip").bounding_box()
    assert box is not None
    (act or page.mouse.move)(box["x"] + 20 * index + 10, box["y"] + 15)


def shown(page: Page) -> list[Any]:
    """[index, locked] of what was drawn last."""
    return page.evaluate("window.shown.at(-1)")


def test_named_characters_are_those_of_the_table(strip: Page) -> None:
    for character, entry in named_characters().items():
        said = strip.evaluate("c => [glyphs(c), shortGlyph(c), nameOf(c)]", character)
        assert said == [entry["glyph"], entry["glyph"], entry["name"]]


@pytest.mark.parametrize("character", ["a", "é", "€", "🙂", "日", "0", "<"])
def test_a_visible_character_is_drawn_as_it_is(character: str, strip: Page) -> None:
    assert strip.evaluate("c => [glyphs(c), nameOf(c)]", character) == [character, ""]


@pytest.mark.parametrize(
    ("character", "code"),
    [("\0", "U+0000"), ("\u00a0", "U+00A0"), ("\u00ad", "U+00AD"), ("\u0301", "U+0301"), ("\u2800", "U+2800"),
     ("\u3164", "U+3164"), ("\U000e0041", "U+E0041")],
)  # fmt: skip
def test_an_invisible_character_without_a_name_is_drawn_as_its_code_point(
    character: str, code: str, strip: Page
) -> None:
    said = strip.evaluate("c => [glyphs('a' + c + ' '), shortGlyph(c), nameOf(c)]", character)
    assert said == [f"a{code}␣", "□", ""]


def test_a_glyph_is_hidden_from_screen_readers_where_its_name_follows(strip: Page) -> None:
    told = strip.evaluate(
        """() => ["a", "\\n", "", "\\u00ad"].map((character) => {
          const node = document.createElement("span");
          writeGlyph(node, character);
          return [node.textContent, node.getAttribute("aria-hidden")];
        })"""
    )
    assert told == [["a", "false"], ["↵", "true"], ["", "false"], ["U+00AD", "false"]]


@pytest.mark.parametrize(
    ("bits", "figures"),
    [
        (2.5748, "2.57"),
        (12, "12.00"),
        (0.1, "0.10"),
        (0.0999, "0.1"),
        (0.0123, "0.012"),
        (1.234e-7, "1.2e-7"),
        (0, "0"),
    ],
)
def test_figures_have_two_decimals_or_two_digits(bits: float, figures: str, strip: Page) -> None:
    assert strip.evaluate("bits => figures(bits)", bits) == figures


def test_write_leaves_a_node_alone_that_says_so_already(strip: Page) -> None:
    assert strip.evaluate(
        """() => {
          const node = document.createElement("p");
          write(node, "one");
          const text = node.firstChild;
          write(node, "one");
          const kept = node.firstChild === text;
          write(node, "<b>two</b>");
          return [kept, node.childNodes.length, node.textContent];
        }"""
    ) == [True, 1, "<b>two</b>"]


def test_fit_keeps_the_children_there_are(strip: Page) -> None:
    assert strip.evaluate(
        """() => {
          const list = document.createElement("ul");
          const counts = [];
          for (const wanted of [2, 3, 1, 0, 2]) {
            const first = list.firstChild;
            fit(list, wanted, () => document.createElement("li"));
            counts.push([list.children.length, first !== null && list.firstChild === first]);
          }
          return counts;
        }"""
    ) == [[2, False], [3, True], [1, True], [0, False], [2, False]]


def test_targets_are_the_same_if_their_fields_are(strip: Page) -> None:
    cell, text = {"row": 1, "column": 2}, {"part": "text", "index": 0}
    pairs: list[tuple[Any, Any, bool]] = [
        (cell, {**cell}, True), (cell, {**cell, "column": 3}, False), (cell, {**cell, "row": 0}, False),
        (text, {**text, "part": "prompt"}, False), (None, text, False), (text, None, False), (None, None, True),
    ]  # fmt: skip
    for one, other, equal in pairs:
        assert strip.evaluate("([one, other]) => same(one, other)", [one, other]) is equal


# --- selection ---


def test_a_hover_is_a_preview_that_ends_when_the_pointer_leaves(strip: Page) -> None:
    point(strip, 2)
    assert shown(strip) == [2, False]
    for index in (2.2, 5):  # the same target is not drawn again
        point(strip, index)
    point(strip, 10)  # inside the element, right of the last target
    assert strip.evaluate("window.shown") == [[2, False], [5, False], [None, False]]
    point(strip, 5)
    strip.mouse.move(500, 300)
    assert shown(strip) == [None, False]


def test_a_click_locks_and_the_same_click_releases(strip: Page) -> None:
    point(strip, 2, strip.mouse.click)
    assert shown(strip) == [2, True]
    point(strip, 7)
    strip.mouse.move(500, 300)
    assert shown(strip) == [2, True]  # neither hovering nor leaving changes a lock
    point(strip, 7, strip.mouse.click)
    assert shown(strip) == [7, True]
    point(strip, 7, strip.mouse.click)
    assert shown(strip) == [None, False]
    point(strip, 4, strip.mouse.click)
    point(strip, 10, strip.mouse.click)  # beside all targets
    assert shown(strip) == [None, False]


def test_an_event_about_something_else_changes_nothing(strip: Page) -> None:
    point(strip, 2, strip.mouse.click)
    strip.evaluate("window.busy = true")
    point(strip, 5, strip.mouse.click)
    assert shown(strip) == [2, True]
    strip.evaluate("window.busy = false")
    point(strip, 2, strip.mouse.click)
    strip.evaluate("window.busy = true")
    point(strip, 5)
    assert shown(strip) == [None, False]


def test_a_tap_locks_and_touching_never_previews(strip: Page) -> None:
    point(strip, 2, strip.touchscreen.tap)
    assert strip.evaluate("window.shown") == [[2, True]]
    point(strip, 6, strip.touchscreen.tap)
    assert shown(strip) == [6, True]
    point(strip, 6, strip.touchscreen.tap)
    assert strip.evaluate("window.shown") == [[2, True], [6, True], [None, False]]
    strip.locator(".strip").dispatch_event("pointermove", {"pointerType": "touch", "clientX": 60, "clientY": 40})
    assert len(strip.evaluate("window.shown")) == 3


def test_the_keyboard_walks_locks_and_releases(strip: Page) -> None:
    strip.locator("#before").focus()
    strip.keyboard.press("Tab")
    assert shown(strip) == [3, False]  # where the component starts
    for key, expected in [
        ("ArrowRight", [4, False]), ("Enter", [4, True]), ("ArrowRight", [5, True]), ("Home", [0, True]),
        ("ArrowLeft", [0, True]), ("Enter", [0, False]), ("ArrowRight", [1, False]), ("Enter", [1, True]),
        ("Escape", [None, False]), ("ArrowRight", [4, False]), ("Escape", [None, False]), ("Enter", [3, True]),
    ]:  # fmt: skip
        strip.keyboard.press(key)
        assert shown(strip) == expected, key
    strip.keyboard.press("Tab")
    assert shown(strip) == [3, True]  # a lock stays when the focus leaves
    strip.keyboard.press("Shift+Tab")
    strip.keyboard.press("Escape")
    strip.keyboard.press("ArrowLeft")
    strip.keyboard.press("Tab")
    assert shown(strip) == [None, False]  # a preview does not


def test_only_keys_that_move_are_taken(strip: Page) -> None:
    """Browser shortcuts, and keys that the component does not know, keep their effect."""
    strip.evaluate("document.addEventListener('keydown', (event) => (window.taken = event.defaultPrevented))")
    strip.locator("#before").focus()
    strip.keyboard.press("Tab")
    for key, taken in [
        ("ArrowRight", True), ("Escape", True), ("Enter", True), ("Shift+ArrowLeft", True), ("Meta+ArrowLeft", False),
        ("Control+ArrowRight", False), ("Alt+Home", False), ("ArrowDown", False), ("x", False), ("PageDown", False),
    ]:  # fmt: skip
        before = shown(strip)
        strip.keyboard.press(key)
        assert strip.evaluate("window.taken") is taken, key
        assert taken or shown(strip) == before, key


def test_a_click_gives_no_keyboard_preview_but_can_be_walked_from(strip: Page) -> None:
    """The focus that comes with a click is not visible: only what is clicked is drawn."""
    point(strip, 6, strip.mouse.click)
    strip.keyboard.press("ArrowRight")
    assert strip.evaluate("window.shown") == [[6, False], [6, True], [7, True]]


def test_with_nothing_to_select_the_keyboard_does_nothing(strip: Page) -> None:
    strip.evaluate("window.empty = true")
    strip.locator("#before").focus()
    strip.keyboard.press("Tab")
    for key in ("ArrowRight", "Enter", "Escape"):
        strip.keyboard.press(key)
    assert strip.evaluate("window.shown") == []


def test_a_preview_is_told_once_it_rests_and_a_lock_at_once(strip: Page) -> None:
    strip.clock.install(time=0)
    strip.clock.pause_at(1000)  # from here on time passes only as told
    for index in (1, 2, 3, 4):
        point(strip, index)
        strip.clock.run_for(REST // 2)
    assert strip.evaluate("window.told") == []
    strip.clock.run_for(REST)
    assert strip.evaluate("window.told") == [4]
    point(strip, 6)
    point(strip, 6, strip.mouse.click)
    strip.clock.run_for(1)
    assert strip.evaluate("window.told") == [4, 6]
    strip.clock.run_for(10 * REST)
    assert strip.evaluate("window.told") == [4, 6]


def test_the_component_may_select_too(strip: Page) -> None:
    strip.evaluate("window.choice.select({ index: 9 }, true)")
    assert shown(strip) == [9, True]
    assert strip.evaluate("[window.choice.selected, window.choice.locked]") == [{"index": 9}, True]
    strip.evaluate("window.choice.select(null)")
    assert strip.evaluate("[window.choice.selected, window.choice.locked]") == [None, False]


# --- repainting ---


def test_a_new_size_or_theme_paints_again(strip: Page) -> None:
    strip.wait_for_function("window.painted >= 1")
    for change in (
        "document.querySelector('.strip').style.width = '90px'",
        "document.body.classList.add('dark')",
        "document.documentElement.classList.add('dark')",
        "document.body.classList.remove('dark')",
    ):
        before = strip.evaluate("window.painted")
        strip.evaluate(change)
        strip.wait_for_function("before => window.painted > before", arg=before)
