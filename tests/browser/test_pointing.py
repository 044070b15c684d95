"""Panels and a track in a page: to point at a character marks it in all views, without asking the server."""

import random
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page
from small_page import add_buttons, press, served, visited

from nanogpt.playground.components.text_panel import text_panel, text_value
from nanogpt.playground.components.track import track, track_value
from nanogpt.playground.panels import shared_marks

pytestmark = pytest.mark.browser

PROMPT = "ROMEO:\n"
ONE, OTHER = "I by the sea\n\nand 🙂 me, sir.", "I know the sun\nor 🙂 he, said I."
MOST = 2_000  # characters on a side
letters = random.Random(1)
LONG = ["".join(letters.choices("abcde \n", k=MOST)) for _ in range(4)]
BLANK = "\n" * MOST
HEIGHT = 320  # pixels of a panel


def panel_value(text: str, shared: str = "", status: str = "done", title: str = "GPT") -> dict[str, Any]:
    bits = [i % 9 for i in range(len(text))]
    return text_value(title, "small", PROMPT, text, bits, shared, 2, [("", "1.00", "bits a character")], "", status)


def whole(texts: list[str]) -> list[dict[str, Any]]:
    return [panel_value(text, marks) for text, marks in zip(texts, shared_marks(texts), strict=True)]


def saved(text: str) -> dict[str, Any]:
    bits = [float(i % 5) for i in range(len(text))]
    return track_value("Bits saved", "So.", ("GPT", "Bigram"), (bits, bits[::-1]), list(text), 2, (5, 1))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A page of four panels and a track, and a button for each state of them."""
    states = {
        "short": [*whole([ONE, OTHER]), panel_value(""), panel_value(""), saved(OTHER)],
        "begun": [panel_value(ONE[:5], status="running"), *[panel_value("")] * 3, saved(OTHER)],
        "long": [*whole(LONG), saved(LONG[1])],
        "blank": [*whole([BLANK] * 4), saved(BLANK)],
    }
    with gr.Blocks(analytics_enabled=False) as app:
        with gr.Row():
            panels = [text_panel(f"side_{i}", f"Text {i}", "compare", i) for i in (1, 2, 3, 4)]
        views = [*panels, track("saved", "Bits saved")]
        add_buttons(views, states)
    with served(app, f".block:has(.text-panel) {{ height: {HEIGHT}px; min-width: 300px !important; }}") as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, "#side_1 .text-panel", viewport={"width": 1400, "height": 900}) as page:
        page.evaluate("window.points = []; document.addEventListener('point', (e) => points.push(e.detail))")
        yield page


def show(page: Page, name: str) -> None:
    press(page, name)
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)


# Where a character stands on the screen; a newline has no width.
PLACE = """([side, part, index]) => {
  const node = document.querySelector(`#side_${side} .${part}`).firstChild;
  const range = document.createRange();
  const at = Array.from(node.data).slice(0, index).join("").length;
  range.setStart(node, at);
  range.setEnd(node, at + String.fromCodePoint(node.data.codePointAt(at)).length);
  const box = range.getClientRects()[0];
  return [box.x, box.y, box.width, box.height];
}"""

# What every view marks: per side [left, top, class names] of the box or null, and the guide's left edge or null.
MARKS = """() => [
  ...[1, 2].map((side) => {
    const box = document.querySelector(`#side_${side} .box`);
    const { x, y } = box.getBoundingClientRect();
    return box.hidden ? null : [x, y, box.className];
  }),
  document.querySelector("#saved .guide").hidden ? null : document.querySelector("#saved .where").textContent,
]"""


def place(page: Page, side: int, index: int, part: str = "text") -> list[float]:
    return page.evaluate(PLACE, [side, part, index])


def hover(page: Page, side: int, index: int, part: str = "text") -> None:
    x, y, width, height = place(page, side, index, part)
    page.mouse.move(x + width / 2, y + height / 2)


def click(page: Page, side: int, index: int) -> None:
    hover(page, side, index)
    page.mouse.down()
    page.mouse.up()


def over_bar(page: Page, index: int) -> tuple[float, float]:
    """The place of a bar of the track over OTHER; its first begins 34 pixels from the left."""
    box = page.locator("#saved .plot").bounding_box()
    assert box is not None
    each = min(box["width"] - 36, 40 * len(OTHER)) / len(OTHER)
    return box["x"] + 34 + each * (index + 0.5), box["y"] + box["height"] / 2


def assert_marked(page: Page, side: int | None, index: int, locked: bool = False) -> None:
    """Both texts and the track mark this character of `side`'s text; None: the track itself points."""
    *boxes, where = page.evaluate(MARKS)
    for number, box in enumerate(boxes, start=1):
        x, y, *_ = place(page, number, index)
        assert box[:2] == pytest.approx([x, y], abs=0.6)
        classes = box[2].split()
        assert ("echo" in classes) == (number != (side or 2))
        assert ("locked" in classes) == locked
    assert where == f"character {index + 1} of {len(OTHER)}: "


def selected(page: Page) -> list[str | None]:
    return [page.locator(f"#side_{side} .text-panel").get_attribute("data-selected") for side in (1, 2)]


def test_a_hovered_character_is_marked_in_every_view_in_the_same_task(page: Page) -> None:
    show(page, "short")
    x, y, width, height = place(page, 1, 5)
    now = page.evaluate(
        """([x, y]) => {
          const reading = document.querySelector("#side_1 .reading");
          reading.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, pointerType: "mouse" }));
          return Array.from(document.querySelectorAll("#side_1 .box, #side_2 .box, .guide"), (mark) => mark.hidden);
        }""",
        [x + width / 2, y + height / 2],
    )
    assert now == [False, False, False]
    assert_marked(page, 1, 5)
    assert selected(page) == ["text.5", ""]


def test_every_view_points_and_nobody_repeats_it(page: Page) -> None:
    show(page, "short")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    index = ONE.index("🙂") + 2  # beyond a character of two UTF-16 units
    hover(page, 1, index)
    assert_marked(page, 1, index)
    hover(page, 2, 3)
    assert_marked(page, 2, 3)
    assert selected(page) == ["", "text.3"]
    page.mouse.move(*over_bar(page, 7))
    assert_marked(page, None, 7)
    assert selected(page) == ["", "text.7"]
    sides = [(p["side"], p.get("index"), p["locked"]) for p in page.evaluate("points") if p["side"] is not None]
    assert next(iter(dict.fromkeys(sides))) == (1, index, False)
    assert sides[-1] == (2, 7, False)
    page.mouse.move(0, 0)
    assert page.evaluate(MARKS) == [None, None, None]
    assert selected(page) == ["", ""]
    assert not [url for url in requests if "/queue/" in url]


def test_a_character_of_the_beginning_is_marked_in_the_other_beginning_only(page: Page) -> None:
    show(page, "short")
    hover(page, 1, 2, "prompt")
    one, other, guide = page.evaluate(MARKS)
    assert one[:2] == pytest.approx(place(page, 1, 2, "prompt")[:2], abs=0.6)
    assert other[:2] == pytest.approx(place(page, 2, 2, "prompt")[:2], abs=0.6)
    assert guide is None


def test_one_lock_at_a_time_and_no_preview_beside_it(page: Page) -> None:
    show(page, "short")
    click(page, 1, 4)
    assert_marked(page, 1, 4, locked=True)
    hover(page, 2, 9)
    page.mouse.move(*over_bar(page, 12))
    assert_marked(page, 1, 4, locked=True)
    click(page, 2, 9)
    assert_marked(page, 2, 9, locked=True)
    assert selected(page) == ["", "text.9"]
    page.mouse.click(*over_bar(page, 12))
    assert_marked(page, None, 12, locked=True)
    page.mouse.click(*over_bar(page, 12))
    assert page.evaluate("points.at(-1)")["side"] is None
    page.mouse.move(0, 0)
    assert page.evaluate(MARKS) == [None, None, None]


def test_escape_in_any_view_releases_the_lock_and_keys_take_it_over(page: Page) -> None:
    show(page, "short")
    click(page, 1, 4)
    page.locator("#side_2 .reading").focus()
    page.keyboard.press("ArrowRight")
    assert_marked(page, 2, 5, locked=True)
    assert selected(page) == ["", "text.5"]
    page.locator("#saved .plot").focus()
    page.keyboard.press("Escape")
    assert page.evaluate(MARKS) == [None, None, None]
    assert selected(page) == ["", ""]


def test_another_group_is_not_concerned(page: Page) -> None:
    show(page, "short")
    page.evaluate(
        """document.dispatchEvent(new CustomEvent("point",
          { detail: { group: "score", side: 1, part: "text", index: 3, locked: true, from: "x" } }))"""
    )
    assert page.evaluate(MARKS) == [None, None, None]


def step(page: Page, by: int) -> None:
    page.evaluate("by => document.dispatchEvent(new CustomEvent('step', {detail: {group: 'compare', by}}))", by)


def test_steps_walk_the_text_that_was_pointed_at_last(page: Page) -> None:
    show(page, "short")
    step(page, 1)  # nothing was pointed at: the last text begins
    assert_marked(page, 2, 0, locked=True)
    step(page, 1)
    assert_marked(page, 2, 1, locked=True)
    hover(page, 1, 8)
    click(page, 1, 8)
    step(page, -1)
    assert_marked(page, 1, 7, locked=True)
    page.mouse.click(*over_bar(page, 12))  # the track points at side 2
    step(page, 1)
    assert_marked(page, 2, 13, locked=True)
    step(page, -1000)
    assert selected(page) == ["", "prompt.0"]


def test_what_is_out_of_date_says_so(page: Page) -> None:
    show(page, "short")
    panel = page.locator("#side_1 .text-panel")
    height = panel.bounding_box()
    for reason in ("Out of date: <b>the beginning</b> has changed.", ""):
        page.evaluate(
            "reason => document.dispatchEvent(new CustomEvent('stale', {detail: {group: 'compare', reason}}))", reason
        )
        assert panel.locator(".stale").text_content() == reason
        assert panel.locator(".stale").is_visible() == (reason != "")
        assert panel.locator(".stats").is_visible() == (reason == "")
        assert panel.bounding_box() == height
        dimmed, text = panel.evaluate("p => ['.box', '.text'].map((s) => getComputedStyle(p.querySelector(s)).color)")
        assert (dimmed != text) == (reason != "")


# The underlined characters of one side, by their index.
UNDERLINED = """side => {
  const node = document.querySelector(`#side_${side} .text`).firstChild;
  return Array.from(CSS.highlights.get("shared")).filter((range) => range.startContainer === node)
    .map((range) => Array.from(node.data.slice(0, range.startOffset)).length).sort((a, b) => a - b);
}"""


@pytest.mark.parametrize(("state", "texts"), [("short", [ONE, OTHER]), ("long", LONG)])
def test_underlined_is_what_all_sides_wrote_at_the_same_place(page: Page, state: str, texts: list[str]) -> None:
    show(page, "long")
    show(page, state)
    expected = [i for i, column in enumerate(zip(*texts, strict=False)) if len(set(column)) == 1]
    assert expected
    for side in range(1, len(texts) + 1):
        assert page.evaluate(UNDERLINED, side) == expected


def test_the_old_text_stays_behind_the_new_one_until_the_run_ends(page: Page) -> None:
    show(page, "short")
    show(page, "begun")
    panel = page.locator("#side_1 .text-panel")
    assert panel.locator(".text").evaluate("node => node.textContent") == ONE[:5]
    old = panel.locator(".old")
    assert old.evaluate("node => node.textContent") == ONE[5:]
    assert old.get_attribute("aria-hidden") == "true"
    assert old.is_visible()
    assert panel.get_attribute("aria-busy") == "true"
    assert page.locator("#side_2 .old").evaluate("node => node.textContent") == ""
    panel.dispatch_event("stop")
    assert old.evaluate("node => node.textContent") == ""
    assert panel.get_attribute("aria-busy") == "false"


def test_a_held_character_survives_its_text_being_written_anew(page: Page) -> None:
    show(page, "short")
    click(page, 1, 10)
    show(page, "begun")
    assert selected(page)[0] == "text.10"
    assert not page.locator("#side_1 .box").is_visible()
    show(page, "short")
    assert_marked(page, 1, 10, locked=True)
    show(page, "begun")
    page.locator("#side_1 .text-panel").dispatch_event("stop")
    assert selected(page)[0] == ""


COPY = """() => {
  const reading = document.querySelector("#side_1 .reading");
  getSelection().selectAllChildren(reading);
  const copied = getSelection().toString();
  getSelection().removeAllRanges();
  return copied;
}"""
INK = """part => {
  const canvas = document.querySelector("#side_1 .newlines");
  const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const rows = new Set();
  for (let i = 3; i < all.length; i += 4) if (all[i]) rows.add(Math.floor(i / 4 / canvas.width));
  return Array.from(rows).filter((row) => !rows.has(row - 1)).length;
}"""  # bands of rows with ink: lines with a mark


def test_newlines_are_marked_and_belong_to_no_text(page: Page) -> None:
    show(page, "short")
    assert page.evaluate(INK) == (PROMPT + ONE).count("\n")
    assert page.locator("#side_1 .text").evaluate("node => node.textContent") == ONE
    assert page.evaluate(COPY) == PROMPT + ONE
    show(page, "begun")
    assert page.evaluate(COPY) == PROMPT + ONE[:5]  # the old text is not copied


def test_marks_of_newlines_follow_scrolling(page: Page) -> None:
    show(page, "blank")
    reading = page.locator("#side_1 .reading")
    for at in (0, 5_000, 40_000):
        reading.evaluate("(node, at) => (node.scrollTop = at)", at)
        page.wait_for_timeout(100)
        [top, bottom, height] = reading.evaluate(
            """(node) => {
              const [view, canvas] = [node, node.querySelector(".newlines")].map((n) => n.getBoundingClientRect());
              return [canvas.top - view.top, canvas.bottom - view.bottom, canvas.height];
            }"""
        )
        assert top <= 2
        assert bottom >= -2
        assert height < 4 * HEIGHT
        assert page.evaluate(INK) >= 8


def test_two_thousand_characters_a_side_need_few_nodes_and_no_more_room(page: Page) -> None:
    for state in ("long", "blank"):
        show(page, state)
        counts = page.evaluate(
            """Array.from(document.querySelectorAll(".text-panel"), (panel) => {
              const walker = document.createTreeWalker(panel, NodeFilter.SHOW_ALL);
              let count = 1;
              while (walker.nextNode()) count++;
              return count;
            })"""
        )
        assert len(counts) == 4
        assert sum(counts) < 2_000
        for side in (1, 2, 3, 4):
            box = page.locator(f"#side_{side} .text-panel").bounding_box()
            assert box is not None
            assert box["height"] <= HEIGHT
        scrolls = page.locator("#side_1 .reading").evaluate("node => node.scrollHeight > node.clientHeight")
        assert scrolls


def test_a_locked_character_is_brought_into_view_inside_the_panel(page: Page) -> None:
    show(page, "long")
    page.locator("#side_1 .text-panel").evaluate(
        "panel => panel.dispatchEvent(new CustomEvent('hold', {detail: {part: 'text', index: 1900}}))"
    )
    for side in (1, 2):
        view, box = (page.locator(f"#side_{side} {name}").bounding_box() for name in (".reading", ".box"))
        assert view is not None
        assert box is not None
        assert view["y"] <= box["y"]
        assert box["y"] + box["height"] <= view["y"] + view["height"]
    assert page.evaluate("scrollY") == 0


def test_tints_differ_in_forced_colours_too(browser: Browser, url: str) -> None:
    page = browser.new_page(forced_colors="active")
    page.goto(url)
    page.locator("#side_1 .text").wait_for(state="attached")
    lines = page.evaluate(
        """() => Array.from({ length: 10 }, (_, i) => {
          const style = getComputedStyle(document.querySelector("#side_1 .text"), `::highlight(surprise-${i + 1})`);
          return [style.textDecorationLine, parseFloat(style.textDecorationThickness)];
        })"""
    )
    page.close()
    assert {line for line, _ in lines} == {"overline"}
    thickness = [thick for _, thick in lines]
    assert thickness == sorted(set(thickness))
