"""The stage: texts, temperature and explanation in one view, on a desk, a wall, a phone, and enlarged."""

import pytest
from conftest import Visit
from playwright.sync_api import Page
from server import REPOSITORY
from visitor import idle, set_number, texts

pytestmark = pytest.mark.browser

SCREENSHOTS = REPOSITORY / "tests" / "screenshots"

# Of a side's text: how many characters lie inside the window and inside every box that could clip them, on how many
# lines, and in which size.
IN_VIEW = """(side) => {
  const node = document.querySelector(`#side_${side} .text`).firstChild;
  const clips = [];
  for (let box = node.parentElement; box; box = box.parentElement) {
    if (getComputedStyle(box).overflowY !== "visible" && box !== document.documentElement && box !== document.body) {
      clips.push(box.getBoundingClientRect());
    }
  }
  clips.push({ left: 0, top: 0, right: innerWidth, bottom: innerHeight });
  const covers = ["#thumb", "#explained"].map((name) => document.querySelector(name))
    .filter((cover) => cover && getComputedStyle(cover).position === "fixed" && cover.getClientRects().length)
    .map((cover) => cover.getBoundingClientRect());
  const range = document.createRange();
  let characters = 0;
  const lines = new Set();
  for (let i = 0; i < node.length; i++) {
    range.setStart(node, i);
    range.setEnd(node, i + 1);
    const box = range.getClientRects()[0] ?? range.getBoundingClientRect();
    const inside = clips.every((clip) => box.left >= clip.left - 1 && box.right <= clip.right + 1
      && box.top >= clip.top - 1 && box.bottom <= clip.bottom + 1);
    if (!inside || covers.some((cover) => box.bottom > cover.top + 1)) continue;
    characters++;
    lines.add(Math.round(box.top));
  }
  return { characters, lines: lines.size, size: parseFloat(getComputedStyle(node.parentElement).fontSize) };
}"""
WHOLE = """(selector) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const part = document.querySelector(selector);
  const inside = box.left >= -1 && box.top >= -1 && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1;
  return box.width > 0 && inside && part.scrollHeight <= part.clientHeight + 1;
}"""


def in_view(page: Page, side: int) -> dict[str, float]:
    return page.evaluate(IN_VIEW, side)  # type: ignore[no-any-return]


def is_whole(page: Page, selector: str) -> bool:
    return bool(page.evaluate(WHOLE, selector))


@pytest.mark.parametrize(("width", "height", "count"), [(1280, 720, 300), (1920, 1080, 600)])
def test_texts_temperature_and_card_share_the_first_screen(width: int, height: int, count: int, visit: Visit) -> None:
    page = visit(window=width, height=height, characters=count)
    share_the_screen(page, width, count)
    for seed in (2, 3):
        set_number(page, "seed", seed)
        share_the_screen(page, width, count)


def share_the_screen(page: Page, width: int, count: int) -> None:
    page.screenshot(path=SCREENSHOTS / f"stage-{width}.png")
    for side in (1, 2):
        seen = in_view(page, side)
        assert seen["characters"] == count, seen
        assert seen["size"] >= 15
    assert is_whole(page, "#temperature input[type=range]")
    assert is_whole(page, "#card .card")
    assert page.evaluate("scrollY") == 0


def test_present_shows_200_characters_for_the_last_row(visit: Visit) -> None:
    page = visit(window=1920, height=1080, characters=200)
    page.locator("#present").click()
    page.screenshot(path=SCREENSHOTS / "stage-present.png")
    for side in (1, 2):
        seen = in_view(page, side)
        assert seen["characters"] == 200, seen
        assert seen["size"] >= 32
    assert is_whole(page, "#temperature input[type=range]")
    page.keyboard.press("Escape")
    assert in_view(page, 1)["size"] < 32


def test_twice_the_size_keeps_text_and_temperature_in_one_view(visit: Visit) -> None:
    """A window of 1280 × 720 at 200 % has 640 × 360 CSS pixels."""
    page = visit(window=640, height=360, characters=300)
    page.screenshot(path=SCREENSHOTS / "stage-200-percent.png")
    assert is_whole(page, "#temperature input[type=range]")
    assert in_view(page, 2)["lines"] >= 4, in_view(page, 2)


def test_a_phone_shows_text_temperature_and_the_tapped_character(visit: Visit) -> None:
    page = visit(window=390, height=844, characters=300)
    page.screenshot(path=SCREENSHOTS / "stage-phone.png")
    for side, index in ((1, 5), (2, 40), (1, 250), (2, 290)):
        index += next(i for i, c in enumerate(texts(page)[side - 1][index:]) if c.isalpha())
        box = page.locator(f"#side_{side} .text").evaluate(
            """(node, index) => {
              const range = document.createRange();
              range.setStart(node.firstChild, index);
              range.setEnd(node.firstChild, index + 1);
              const free = document.querySelector("#explained").getBoundingClientRect().top || innerHeight - 90;
              scrollBy(0, range.getBoundingClientRect().top - free / 2);
              const box = range.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }""",
            index,
        )
        page.touchscreen.tap(*box)
        idle(page)
        page.wait_for_timeout(200)
        page.screenshot(path=SCREENSHOTS / "stage-phone-card.png")
        assert page.locator("#card").is_visible()
        assert is_whole(page, "#temperature input[type=range]")
        assert in_view(page, side)["lines"] >= 3
        held = page.evaluate(
            """([side]) => {
              const box = document.querySelector(`#side_${side} .box`).getBoundingClientRect();
              return [box.top, box.bottom, document.querySelector("#explained").getBoundingClientRect().top];
            }""",
            [side],
        )
        assert 0 <= held[0] < held[1] <= held[2], held
        assert texts(page)[side - 1][index] in page.locator("#card h2").inner_text()


def test_few_stops_lie_before_the_first_text(visit: Visit) -> None:
    page = visit(characters=40)
    page.evaluate("document.activeElement.blur()")
    stops = []
    for _ in range(30):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.outerHTML.slice(0, 90)"))
        if page.evaluate("document.activeElement.matches('#side_1 .reading')"):
            break
    assert len(stops) - 1 <= 12, "\n".join(stops)
