"""Every state of the page is free of axe's findings, and the reader's own colours leave tints and sliders visible."""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Visit
from PIL import Image
from playwright.sync_api import Browser, Page
from server import REPOSITORY, Server
from visitor import choose, click_character, idle, open_tab

pytestmark = pytest.mark.browser

SCREENSHOTS = REPOSITORY / "tests" / "screenshots"


State = Callable[[Page], AbstractContextManager[None]]


@contextmanager
def fresh(page: Page) -> Iterator[None]:
    """As it was opened."""
    yield


@contextmanager
def held(page: Page) -> Iterator[None]:
    click_character(page, 2, page.locator("#side_2 .text").evaluate("node => node.textContent.search(/[a-z]/)"))
    yield
    page.evaluate("playground.closeCard()")


@contextmanager
def more(page: Page) -> Iterator[None]:
    page.locator("#more").click()
    yield
    page.keyboard.press("Escape")


@contextmanager
def out_of_date(page: Page) -> Iterator[None]:
    page.locator("#prompt textarea").fill("KING:\n")
    page.locator("#side_1 .stale:not(:empty)").wait_for()
    yield
    page.locator("#prompt textarea").fill("ROMEO:\n")
    page.locator("#side_1 .stale:empty").wait_for(state="attached")


@contextmanager
def refused(page: Page) -> Iterator[None]:
    page.locator("#prompt textarea").fill("a" * 2001)
    page.locator("#prompt textarea").press("Enter")
    page.locator("#prompt [aria-invalid=true]").wait_for()
    yield
    page.locator("#prompt textarea").fill("ROMEO:\n")


@contextmanager
def beam_search(page: Page) -> Iterator[None]:
    with more(page):
        choose(page, "method", "Beam search")
        yield
        choose(page, "method", "Sample")


@contextmanager
def four_sides(page: Page) -> Iterator[None]:
    choose(page, "count", "4")
    yield
    choose(page, "count", "2")


@contextmanager
def presented(page: Page) -> Iterator[None]:
    page.locator("#present").click()
    with held(page):
        yield
    page.locator("#present").click()


@contextmanager
def glossary(page: Page) -> Iterator[None]:
    page.locator("#words").click()
    page.locator("#glossary").wait_for()
    yield
    page.keyboard.press("Escape")


@contextmanager
def attention(page: Page) -> Iterator[None]:
    open_tab(page, "Look inside")
    yield
    open_tab(page, "Compare")


@contextmanager
def score(page: Page) -> Iterator[None]:
    open_tab(page, "Score")
    yield
    open_tab(page, "Compare")


STATES: tuple[State, ...] = (
    fresh, held, more, out_of_date, refused, beam_search, four_sides, presented, glossary, attention, score,
)  # fmt: skip


def findings(page: Page, states: Sequence[State]) -> list[str]:
    """What axe finds in each state, of any impact."""
    found = []
    for state in states:
        with state(page):
            idle(page)
            page.mouse.move(0, 0)
            for violation in Axe().run(page).response["violations"]:
                nodes = [node["html"][:150] for node in violation["nodes"][:3]]
                found.append(f"{state.__name__}: {violation['id']} ({violation['impact']}): {nodes}")
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(theme: str, visit: Visit) -> None:
    page = visit(theme=theme, characters=60)
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    assert findings(page, STATES) == []


def test_axe_finds_nothing_on_a_phone(visit: Visit) -> None:
    page = visit(window=390, characters=60)
    assert findings(page, [state for state in STATES if state is not presented]) == []


# Above which letters of the second text there is a line in place of a tint, and above which none: the place of the
# strongest line, and where it would stand over a letter without. The letters reach no higher than an x.
LINES = """() => {
  const node = document.querySelector("#side_2 .text").firstChild;
  const low = (index) => /[acemnorsuvwxz]/.test(node.data[index]);
  const marked = Array.from({ length: 10 }, (_, i) => Array.from(CSS.highlights.get("surprise-" + (10 - i))))
    .flat().filter((range) => range.startContainer === node).map((range) => range.startOffset);
  const plain = Array.from(node.data).findIndex((_, i) => low(i) && !marked.includes(i));
  return [marked.find(low), plain].map((index) => {
    const range = document.createRange();
    range.setStart(node, index);
    range.setEnd(node, index + 1);
    const { x, y, width } = range.getBoundingClientRect();
    return { x, y: y - 3, width, height: 7 };
  });
}"""


def luminance(rgb: tuple[int, ...]) -> float:
    r, g, b = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(page: Page, box: dict[str, float]) -> Counter[tuple[int, ...]]:
    """How many pixels of each colour a part of the window has."""
    picture = Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB")  # type: ignore[arg-type]
    return Counter({colour: count for count, colour in picture.getcolors(picture.width * picture.height)})


def seen_on(ground: tuple[int, ...], pixels: Counter[tuple[int, ...]]) -> int:
    """How many of the pixels can be told from the ground."""
    return sum(n for colour, n in pixels.items() if contrast(colour, ground) >= 3)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_reader_s_own_colours_keep_tints_and_sliders(theme: str, browser: Browser, server: Server) -> None:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, forced_colors="active", color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{server.url}/?characters=300&selected=side_2.text.40")
    page.locator("#side_1 [data-status=done]").wait_for(state="attached")
    page.locator("#card .row.written").wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=SCREENSHOTS / f"forced-colours-{theme}.png")

    tinted, plain = (colours(page, box) for box in page.evaluate(LINES))
    ((ground, _),) = plain.most_common(1)
    assert seen_on(ground, tinted) >= 8
    assert seen_on(ground, plain) == 0

    parts = {
        "slider": "#temperature input[type=range]", "bar": "#card .row.written .bars", "square": "#side_1 .square",
        "legend": "#line .legend i", "track": "#saved .plot",
    }  # fmt: skip
    for name, selector in parts.items():
        box = page.locator(selector).first.bounding_box()
        assert box is not None, name
        seen = colours(page, {**box})
        assert seen_on(ground, seen) >= 40, (name, seen.most_common(4))
    context.close()
