"""The view of all heads on a page of its own: it shows the numbers of the tensor, and links text, map and pictures."""

import math
import random
from collections.abc import Iterator
from itertools import product
from typing import Any

import gradio as gr
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from server import CHECKPOINTS
from small_page import add_buttons, press, served, visited

import nanogpt
from nanogpt.analysis.attention import attention
from nanogpt.playground.components.heads import exact_head, heads, heads_message, heads_value

pytestmark = pytest.mark.browser

SELECTED = (5, 3)
HOSTILE = "<b>x</b>${1}&\n 🙂\u00ad"
# The ramp of heads_colours.js in light mode: red, green and blue of each stop.
STOPS = [0, 0.12, 0.36, 0.69, 0.9, 1]
COLOURS = ["ffffff", "e0e7ff", "a5b4fc", "6366f1", "4338ca", "3730a3"]
CHANNELS = np.array([[int(c[i : i + 2], 16) for i in (0, 2, 4)] for c in COLOURS])

Data = tuple[str, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def real() -> Data:
    """256 characters, the weights (5, 4, 256, 256) of the GPT, and norms (5, 4, 256)."""
    model = nanogpt.load(CHECKPOINTS / "gpt")
    text = nanogpt.generate(model, "ROMEO:\n", max_new_tokens=256, temperature=0.8, seed=1)
    return text, attention(model, text).numpy(), np.random.default_rng(0).uniform(0.2, 3, (5, 4, 256))


def uniform(layers: int, count: int, text: str, **more: Any) -> dict[str, Any]:
    T = len(text)
    pattern = np.tril(np.ones((T, T))) / np.arange(1, T + 1)[:, None]
    return heads_value(text, np.tile(pattern, (layers, count, 1, 1)), np.ones((layers, count, T)), **more)


@pytest.fixture(scope="module")
def url(real: Data) -> Iterator[str]:
    text, patterns, norms = real
    words = [[f"words {i}.{j}" for j in range(1, 5)] for i in range(1, 6)]
    details = [[f"A sentence about {i}.{j}." for j in range(1, 5)] for i in range(1, 6)]
    values = {
        "real": heads_value(text, patterns, norms, selected=SELECTED, words=words, details=details, off=["2.2"]),
        "again": heads_value(text[::-1], patterns[:, ::-1], norms, selected=SELECTED),
        "hostile": uniform(2, 2, HOSTILE, words=[["<i>w</i>"] * 2] * 2, details=[["<u>d</u>"] * 2] * 2,
                           title="<s>t</s>", subtitle="<em>s</em>"),
        "message": heads_message("<b>No attention.</b>"),
    }  # fmt: skip
    with gr.Blocks(analytics_enabled=False) as app:
        view = heads("heads", "Attention heads")
        chosen = gr.JSON(elem_id="chosen")

        def answer(event: gr.EventData) -> tuple[Any, dict[str, Any]]:
            layer, head = event.layer, event.head
            sent = gr.HTML(exact=exact_head(layer, head, patterns[layer - 1, head - 1]))
            return sent, {"layer": layer, "head": head, "exact": event.exact}

        view.choose(answer, None, [view, chosen], queue=False)
        add_buttons(view, values)
    with served(app) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, "#heads .heads", viewport={"width": 1400, "height": 1300}) as page:
        page.evaluate("window.points = []; document.addEventListener('point', (e) => points.push(e.detail))")
        yield page


NO_MARGIN = "{ max-width: none !important; padding: 0 !important; }"
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def show(page: Page, name: str = "real") -> None:
    press(page, name)
    page.locator("#heads [aria-busy=true]").wait_for(state="detached")
    page.wait_for_timeout(200)
    page.locator("#heads [aria-busy=true]").wait_for(state="detached")
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(0, 0)
    page.evaluate(FRAME)


def place(page: Page, row: int, column: int) -> tuple[float, float]:
    """The centre of a cell on the screen."""
    x, y, size = page.evaluate(
        """() => { const { x, y, width } = document.querySelector("#heads .plot").getBoundingClientRect();
          return [x, y, width]; }"""
    )
    T = page.locator("#heads .map").get_attribute("aria-rowcount")
    return x + size * (column + 0.5) / int(T or 1), y + size * (row + 0.5) / int(T or 1)


def hover(page: Page, row: int, column: int) -> str:
    """Point at a cell; return the figure that is told."""
    page.mouse.move(*place(page, row, column))
    page.evaluate(FRAME)
    return page.locator("#heads .figure").inner_text()


def told(page: Page) -> str:
    page.evaluate(FRAME)
    return page.locator("#heads .readout").inner_text()


def marks(page: Page) -> dict[str, list[int]]:
    """The numbers of the letters of each kind."""
    return page.evaluate(
        """() => Object.fromEntries(["looks", "next", "later", "looked-at"].map((name) => [name,
          Array.from(document.querySelectorAll("#heads .text span"), (letter, i) => letter.classList.contains(name) ? i
            : -1).filter((i) => i >= 0)]))"""
    )


def set_tool(page: Page, name: str) -> None:
    page.locator("#heads .tools").get_by_label(name).check()
    page.evaluate(FRAME)


def number(figure: str) -> float:
    assert "≈" not in figure
    return float(figure.removesuffix("%")) / (100 if figure.endswith("%") else 1)


def assert_three_digits(figure: str, value: float) -> None:
    assert abs(number(figure) - value) <= 0.52 * 10 ** (math.floor(math.log10(value)) - 2), (figure, value)


def some_cells(T: int, count: int, seed: int = 0) -> list[tuple[int, int]]:
    cells = random.Random(seed)
    rows = [cells.randrange(T) for _ in range(count)]
    return [(row, cells.randrange(row + 1)) for row in rows]


def without_first(pattern: np.ndarray) -> np.ndarray:
    """Every row divided by 1 − its first weight; nan in the first column, which is hidden."""
    hidden = pattern.astype(np.float64)
    hidden[0] = np.nan
    hidden[1:, 1:] /= hidden[1:, 1:].sum(-1, keepdims=True)
    hidden[:, 0] = np.nan
    return hidden


# --- numbers -------------------------------------------------------------------------------------------------


def test_a_hundred_hovers_tell_the_tensor_to_three_digits(page: Page, real: Data) -> None:
    show(page)
    text, patterns, _ = real
    head = patterns[SELECTED[0] - 1, SELECTED[1] - 1]
    for row, column in some_cells(256, 100):
        figure = hover(page, row, column)
        said = page.locator("#heads .said").inner_text()
        names = [{" ": "␣", "\n": "↵"}.get(text[i], text[i]) for i in (row, column)]
        assert said.strip() == f"“{names[0]}” (row {row + 1}) looks at “{names[1]}” (column {column + 1}):"
        assert_three_digits(figure, float(head[row, column]))


def test_the_future_has_no_number(page: Page) -> None:
    show(page)
    for row, column in ((0, 1), (3, 20), (10, 255)):
        assert hover(page, row, column) == "future"
        assert "cannot look at" in told(page)


def test_another_head_is_told_from_eight_bits_until_its_exact_weights_come(page: Page, real: Data) -> None:
    show(page)
    weights = real[1][0, 1]
    page.route("**/run/**", lambda route: (page.wait_for_timeout(700), route.continue_()))
    page.locator("#heads .thumb").nth(1).click()
    page.evaluate(FRAME)
    assert page.locator("#heads .name").inner_text() == "Layer 1, head 2"
    row, column = max(some_cells(256, 50), key=lambda cell: weights[cell])
    figure = hover(page, row, column)
    assert figure.startswith("≈ ")
    assert abs(float(figure[2:-1]) / 100 - weights[row, column]) <= 0.06 * weights[row, column] + 0.001
    page.wait_for_function("!document.querySelector('#heads .figure').textContent.includes('≈')")
    assert_three_digits(hover(page, row, column), float(weights[row, column]))
    page.locator("#chosen").get_by_text("layer").wait_for()
    assert "false" in page.locator("#chosen").inner_text()


def test_exact_weights_of_another_text_are_ignored(page: Page) -> None:
    """The page answers with the heads of "real" while "again" is shown, which has other weights at the same places."""
    show(page, "again")
    page.locator("#heads .thumb").nth(0).click()
    page.locator("#chosen").get_by_text("layer").wait_for()
    page.wait_for_timeout(300)
    assert hover(page, 40, 30).startswith("≈")


def test_the_first_column_hidden_renormalises_the_others(page: Page, real: Data) -> None:
    show(page)
    assert not page.locator("#heads .of-first").is_visible()
    set_tool(page, "hide the first column")
    assert "divided by 1 − the first" in " ".join(page.locator("#heads .of-first").inner_text().split())
    expected = without_first(real[1][SELECTED[0] - 1, SELECTED[1] - 1])
    for row, column in some_cells(256, 30, seed=1):
        figure = hover(page, row, column)
        if row == 0:
            assert figure == "it has nothing else to look at"
        elif column == 0:
            assert figure == "hidden"
        else:
            assert_three_digits(figure, expected[row, column])
    assert hover(page, 9, 0) == "hidden"
    assert hover(page, 0, 0) == "it has nothing else to look at"


def test_weights_times_norms(page: Page, real: Data) -> None:
    show(page)
    set_tool(page, "weight × ‖value")
    assert page.locator("#heads .of-norm").is_visible()
    expected = (real[1] * real[2][:, :, None, :])[SELECTED[0] - 1, SELECTED[1] - 1]
    for row, column in some_cells(256, 30, seed=2):
        figure = hover(page, row, column)
        assert "%" not in figure
        assert_three_digits(figure, expected[row, column])
    assert_three_digits(page.locator("#heads .most").inner_text(), expected.max())


# --- colours -------------------------------------------------------------------------------------------------

PIXELS = """([canvas, T, cells]) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const each = canvas.width / T;
  return cells.map(([row, column]) => {
    const at = 4 * (Math.floor((row + 0.5) * each) * canvas.width + Math.floor((column + 0.5) * each));
    return Array.from(pixels.slice(at, at + 4));
  });
}"""


def pixels(page: Page, selector: str, cells: list[tuple[int, int]], T: int = 256) -> np.ndarray:
    canvas = page.locator(selector).element_handle()
    return np.array(page.evaluate(PIXELS, [canvas, T, [list(cell) for cell in cells]]))


def coloured(share: float) -> np.ndarray:
    level = round(255 * share) / 255
    return np.array([np.interp(level, STOPS, CHANNELS[:, i]) for i in range(3)])


SCALES = {
    "√ square root": lambda value, most, row_most: math.sqrt(value / most),
    "linear": lambda value, most, row_most: value / most,
    "row maximum": lambda value, most, row_most: value / row_most,
}


def test_every_pixel_is_the_ramp_of_the_scaled_value(page: Page, real: Data) -> None:
    """At 100 cells; one level of the 255 may differ, where a value rounds the other way."""
    show(page)
    for scale, measure, hide in product(SCALES, ["attention weight", "weight × ‖value"], [False, True]):
        set_tool(page, scale)
        set_tool(page, measure)
        page.locator("#heads .tools").get_by_label("hide the first column").set_checked(hide)
        page.evaluate(FRAME)
        assert_ramp(page, real, scale, measure, hide)


def assert_ramp(page: Page, real: Data, scale: str, measure: str, hide: bool) -> None:
    head = real[1][SELECTED[0] - 1, SELECTED[1] - 1].astype(np.float64)
    values = without_first(head) if hide else head
    if measure != "attention weight":
        values = values * real[2][SELECTED[0] - 1, SELECTED[1] - 1]
    lower = np.tril(np.nan_to_num(values))
    cells = some_cells(256, 100, seed=3)
    for (row, column), pixel in zip(cells, pixels(page, "#heads .cells", cells), strict=True):
        if hide and (row == 0 or column == 0):
            assert pixel[3] == 0
            continue
        share = SCALES[scale](lower[row, column], lower.max(), lower[row].max())
        assert pixel[3] == 255
        assert np.abs(pixel[:3] - coloured(share)).max() <= 3, (scale, measure, hide, row, column)
    future = [(row, column) for column, row in some_cells(256, 100, seed=4) if column > row]
    assert (pixels(page, "#heads .cells", future)[:, 3] == 0).all()


def test_a_picture_is_its_head_in_eight_bits(page: Page, real: Data) -> None:
    show(page)
    head = real[1][1, 2]
    cells = some_cells(256, 100, seed=5)
    found = pixels(page, "#heads .thumb:nth-child(7) canvas", cells)
    for (row, column), pixel in zip(cells, found, strict=True):
        assert np.abs(pixel[:3] - coloured(math.sqrt(head[row, column]))).max() <= 3
    assert page.locator("#heads .thumb canvas").first.evaluate("node => [node.width, node.height]") == [256, 256]


def test_the_text_is_tinted_as_the_row_is(page: Page, real: Data) -> None:
    show(page)
    head = real[1][SELECTED[0] - 1, SELECTED[1] - 1]
    hover(page, 200, 100)
    found = page.evaluate(
        """() => Array.from(document.querySelectorAll("#heads .text span"), (letter) => [
          letter.style.background, letter.style.color])"""
    )
    for column, (paper, ink) in enumerate(found):
        share = math.sqrt(head[200, column]) if column <= 200 else 0
        if round(255 * share) == 0:
            assert (paper, ink) == ("", "")
            continue
        channels = [int(part) for part in paper.removeprefix("rgb(").removesuffix(")").split(",")]
        assert np.abs(np.array(channels) - coloured(share)).max() <= 3
        light = np.dot([0.2126, 0.7152, 0.0722], [linear(channel / 255) for channel in channels])
        assert (light + 0.05) / 0.05 >= 4.5 if ink == "rgb(0, 0, 0)" else 1.05 / (light + 0.05) >= 4.5


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


# --- selection -----------------------------------------------------------------------------------------------


def test_a_hover_previews_a_click_locks_and_esc_releases(page: Page) -> None:
    show(page)
    hover(page, 200, 100)
    assert marks(page) == {"looks": [200], "next": [201], "later": list(range(201, 256)), "looked-at": [100]}
    assert page.evaluate("({ ...points.at(-1), from: null })") == {
        "group": "inside", "from": None, "side": 1, "part": "text", "index": 200, "column": 100, "locked": False,
    }  # fmt: skip
    page.mouse.down()
    page.mouse.up()
    before = (told(page), marks(page))
    assert page.evaluate("points.at(-1).locked")
    for row, column in some_cells(256, 5):
        hover(page, row, column)
    letter = page.locator("#heads .text span").nth(20)
    letter.hover()
    assert (told(page), marks(page)) == before
    page.keyboard.press("Escape")
    assert page.evaluate("points.at(-1).side") is None
    letter.hover()
    page.locator("#heads .text span").nth(21).hover()
    page.evaluate(FRAME)
    assert marks(page)["looks"] == [21]
    assert "(row 22) looks most at" in told(page)
    page.mouse.move(0, 0)
    page.evaluate(FRAME)
    assert marks(page)["looks"] == [255]  # without a selection the last character looks
    assert page.evaluate("points.at(-1).side") is None


def test_the_same_click_releases_and_text_and_map_share_one_lock(page: Page) -> None:
    show(page)
    letters = page.locator("#heads .text span")
    letters.nth(50).click()
    hover(page, 200, 100)
    assert marks(page)["looks"] == [50]
    page.mouse.down()
    page.mouse.up()
    page.evaluate(FRAME)
    (row,), (column,) = (marks(page)[name] for name in ("looks", "looked-at"))
    assert max(abs(row - 200), abs(column - 100)) <= 1  # a click is at a whole pixel, a cell is hardly larger
    letters.nth(60).hover()
    assert marks(page)["looks"] == [row]
    letters.nth(60).click()
    letters.nth(60).click()
    assert not page.evaluate("points.at(-1).locked")


def test_other_views_of_the_group_are_followed(page: Page) -> None:
    show(page)
    page.evaluate(
        """document.dispatchEvent(new CustomEvent("point", { detail: {
          group: "inside", from: "why", side: 1, part: "text", index: 33, locked: true } }))"""
    )
    page.evaluate(FRAME)
    assert marks(page)["looks"] == [33]
    hover(page, 200, 100)
    assert marks(page)["looks"] == [33]


def test_the_keyboard_walks_the_map_and_the_text(page: Page) -> None:
    show(page)
    page.locator("#heads .text").focus()
    page.keyboard.press("ArrowLeft")
    for key, index in (("ArrowLeft", 253), ("Home", 0), ("ArrowRight", 1), ("Enter", 1), ("End", 255)):
        page.keyboard.press(key)
        page.evaluate(FRAME)
        assert marks(page)["looks"] == [index], key
    page.keyboard.press("Escape")
    page.locator("#heads .map").focus()
    for key, place in (
        ("End", (255, 255)), ("ArrowUp", (254, 255)), ("ArrowLeft", (254, 254)), ("ArrowLeft", (254, 253)),
        ("Home", (254, 0)), ("ArrowDown", (255, 0)), ("ArrowRight", (255, 1)), ("Enter", (255, 1)),
    ):  # fmt: skip
        page.keyboard.press(key)
        page.evaluate(FRAME)
        found = marks(page)
        assert (found["looks"], found["looked-at"]) == ([place[0]], [place[1]]), key
    assert page.locator("#heads .cell").get_attribute("aria-label") == page.locator("#heads .spoken").inner_text()
    assert "(row 256) looks at" in page.locator("#heads .spoken").inner_text()


def test_a_picture_is_previewed_chosen_and_walked(page: Page) -> None:
    show(page)
    name, thumbs = page.locator("#heads .name"), page.locator("#heads .thumb")
    assert (name.inner_text(), thumbs.nth(18).get_attribute("aria-checked")) == ("Layer 5, head 3", "true")
    assert page.locator("#heads .details").inner_text() == "A sentence about 5.3."
    thumbs.nth(6).hover()
    page.evaluate(FRAME)
    assert name.inner_text() == "Layer 2, head 3"
    assert page.locator("#heads .details").inner_text() == "A sentence about 2.3."
    page.mouse.move(0, 0)
    page.evaluate(FRAME)
    assert name.inner_text() == "Layer 5, head 3"
    thumbs.nth(6).click()
    page.mouse.move(0, 0)
    page.evaluate(FRAME)
    assert name.inner_text() == "Layer 2, head 3"
    assert page.locator("#heads .thumb[tabindex='0']").count() == 1
    for key, head in (("ArrowRight", "2.4"), ("ArrowDown", "3.4"), ("ArrowUp", "2.4"), ("End", "5.4"), ("Home", "1.1"),
                      ("ArrowLeft", "1.1"), ("ArrowDown", "2.1"), ("ArrowRight", "2.2")):  # fmt: skip
        page.keyboard.press(key)
        page.evaluate(FRAME)
        assert name.inner_text() == "Layer " + head.replace(".", ", head "), key
    assert thumbs.nth(5).inner_text() == "2.2\noff"
    assert "This head is off" in page.locator("#heads .details").inner_text()
    show(page)  # the same value again: the reader's choice stays
    assert name.inner_text() == "Layer 2, head 2"
    show(page, "hostile")
    assert name.inner_text() == "Layer 1, head 1"


# --- text, access, size --------------------------------------------------------------------------------------


def test_markup_stays_text(page: Page) -> None:
    show(page, "hostile")
    assert page.locator("#heads .title").inner_text() == "<s>t</s>"
    assert page.locator("#heads .subtitle").inner_text() == "<em>s</em>"
    assert page.locator("#heads .details").inner_text() == "<u>d</u>"
    assert page.locator("#heads .thumb").first.inner_text() == "1.1\n<i>w</i>"
    assert page.locator("#heads .text span").count() == len(HOSTILE)
    text = page.locator("#heads .text").text_content() or ""
    assert text == HOSTILE.replace("\n", "↵\n").replace("\u00ad", "U+00AD")
    assert page.locator("#heads :is(s, em, u, .caption i, .text b)").count() == 0
    show(page, "message")
    assert page.locator("#heads .message").inner_text() == "<b>No attention.</b>"
    assert not page.locator("#heads .shown").is_visible()


def test_it_has_few_nodes_three_tab_stops_and_names(page: Page) -> None:
    show(page)
    assert page.locator("#heads *").count() < 700
    stops = page.locator("#heads [tabindex='0']").evaluate_all("nodes => nodes.map((node) => node.role)")
    assert stops == ["radio", "textbox", "grid"]
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-label") == "Attention heads: Layer 5, head 3"
    assert grid.get_attribute("aria-activedescendant") == page.locator("#heads .cell").get_attribute("id")
    assert page.get_by_role("radiogroup", name="Attention heads: heads").get_by_role("radio").count() == 20
    assert page.get_by_role("radio", name="Layer 1, head 2: words 1.2").count() == 1


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_axe_finds_nothing(mode: str, page: Page, url: str) -> None:
    page.goto(f"{url}?__theme={mode}")
    show(page)
    hover(page, 200, 100)
    found = Axe().run(page, context="#heads").response["violations"]
    assert not found, [(v["id"], [node["html"] for node in v["nodes"]][:3]) for v in found]


@pytest.mark.parametrize(("window", "height"), [(860, 602), (1240, 900), (390, 1900)])
def test_it_fits_its_place(window: int, height: int, page: Page) -> None:
    """Side by side it takes one view; on a phone nothing scrolls sideways. The plot is a square."""
    page.add_style_tag(content=f".gradio-container main, .gradio-container > .main {NO_MARGIN}")
    page.set_viewport_size({"width": window, "height": 1900})
    show(page)
    box = page.locator("#heads").bounding_box()
    plot = page.locator("#heads .plot").bounding_box()
    assert box is not None
    assert plot is not None
    assert box["width"] == pytest.approx(window, abs=1)
    assert box["height"] <= height
    assert abs(plot["width"] - plot["height"]) < 1.5
    assert plot["width"] >= 240
    assert plot["y"] + plot["height"] <= box["y"] + box["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= window
