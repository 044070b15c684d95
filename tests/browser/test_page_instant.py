"""Instant: after a run the cards of all its characters need no server, and a slider never leaves a text unread."""

import math
import random
from typing import Any

import pytest
from conftest import Api, Visit
from frames import frames_of_a_drag
from playwright.sync_api import Page
from visitor import idle, text_of, texts

pytestmark = pytest.mark.browser

PROMPT = "ROMEO:\n"

# What the card draws, in words: whose character it is, and each row of it that has a place in the list.
CARD = """() => ({
  count: document.querySelector("#card .count").textContent,
  owner: document.querySelector("#card .owner").textContent,
  rows: Array.from(document.querySelectorAll("#card .row"), (row) => ({
    char: row.querySelector(".chip").textContent, written: row.classList.contains("written"),
    cut: row.classList.contains("cut"),
    numbers: [".log", ".noise", ".sum"].map((name) => row.querySelector(name).textContent),
  })),
})"""
# The underlined characters of one side, by their index.
UNDERLINED = """side => {
  const node = document.querySelector(`#side_${side} .text`).firstChild;
  return Array.from(CSS.highlights.get("shared")).filter((range) => range.startContainer === node)
    .map((range) => range.startOffset).sort((a, b) => a - b);
}"""
DRAWN = {" ": "␣", "\n": "↵"}

# Where a character of a text stands on the screen. A newline has no width; it owns what follows it on its line.
PLACE = """([side, index]) => {
  const node = document.querySelector(`#side_${side} .text`).firstChild;
  const range = document.createRange();
  range.setStart(node, index);
  range.setEnd(node, index + 1);
  const box = range.getClientRects()[0];
  return [box.x + (box.width ? box.width / 2 : 2), box.y + box.height / 2];
}"""


def card_of(page: Page, side: int, index: int) -> dict[str, Any]:
    """What the card draws of that character of a text. It is there as soon as the character is held."""
    return page.locator(f"#side_{side} .text-panel").evaluate(
        f"""(panel, index) => {{
          panel.dispatchEvent(new CustomEvent("hold", {{ detail: {{ part: "text", index }} }}));
          return ({CARD})();
        }}""",
        index,
    )


def number(shown: str) -> float:
    return float(shown.replace("−", "-"))


def requests_of(page: Page) -> list[str]:
    """The requests that the page will make from now on."""
    made: list[str] = []
    page.on("request", lambda request: made.append(request.url))
    return made


@pytest.mark.parametrize(("cuts", "count"), [({}, 30), ({"top_k": 20, "top_p": 0.9}, 10)])
def test_the_draw_in_the_card_is_the_api_s(cuts: dict[str, float], count: int, visit: Visit, api: Api) -> None:
    settings = {"temperature": 0.8, **cuts}
    page = visit(characters=300, seed=5, **settings)
    written, models = texts(page), ("bigram", "gpt")
    traces = [
        page.evaluate("JSON.parse", api("/trace", model=m, prompt=PROMPT, seed=5, max_new_tokens=300, **settings))
        for m in models
    ]
    assert [trace["text"] for trace in traces] == written
    places = [(side, index) for side in (1, 2) for index in range(300)]
    for side, index in random.Random(3).sample(places, count):
        shown, trace = card_of(page, side, index), traces[side - 1]
        char = written[side - 1][index]
        noise = dict(zip(trace["vocabulary"], trace["steps"][index]["noise"], strict=True))
        found = api("/explain", model=models[side - 1], prompt=PROMPT, text=written[side - 1][:index], **settings)
        log = {row["char"]: math.log(row["tempered"]) if row["tempered"] else -math.inf for row in found}
        allowed = {row["char"] for row in found if row["kept"]}
        assert max(allowed, key=lambda c: log[c] + noise[c]) == char
        assert shown["count"] == f"{index + 1} of 300"
        assert shown["owner"] == f"the {('Bigram', 'GPT')[side - 1]}'s text"
        likeliest = [row["char"] for row in found]
        listed = [next(c for c in likeliest if DRAWN.get(c, c) == row["char"]) for row in shown["rows"]]
        assert listed[:8] == likeliest[:8]
        assert [c for c, row in zip(listed, shown["rows"], strict=True) if row["written"]] == [char]
        for c, row in zip(listed, shown["rows"], strict=True):
            assert row["cut"] == (c not in allowed)
            expected = [log[c], noise[c], *([] if row["cut"] else [log[c] + noise[c]])]
            numbers = [number(n) for n in row["numbers"][: len(expected)]]
            assert numbers == pytest.approx(expected, abs=0.00502), (side, index, c)  # two decimals
            assert not row["cut"] or row["numbers"][2] == "cut"


@pytest.mark.parametrize("models", [("bigram", "gpt"), ("trigram", "bigram", "mlp", "trigram")])
def test_underlined_is_what_all_sides_wrote_at_the_same_place(models: tuple[str, ...], visit: Visit) -> None:
    named = {f"model_{i}": model for i, model in enumerate(models, 1)}
    page = visit(characters=300, temperature=0.8, sides=len(models), **named)
    sides = range(1, len(models) + 1)
    written = [text_of(page, side) for side in sides]
    expected = [i for i, column in enumerate(zip(*written, strict=True)) if len(set(column)) == 1]
    assert 0 < len(expected) < 300
    for side in sides:
        assert page.evaluate(UNDERLINED, side) == expected


def test_a_hovered_character_is_explained_without_a_request(visit: Visit) -> None:
    page = visit(characters=300)
    made = requests_of(page)
    page.evaluate("window.traffic.asked = {}")
    for side, index in random.Random(4).sample([(side, i) for side in (1, 2) for i in range(300)], 60):
        page.mouse.move(*page.evaluate(PLACE, [side, index]))
        # What lies at that place is the reader's question: at the end of a line it may be the character before.
        part, _, at = page.locator(f"#side_{side} .text-panel").get_attribute("data-selected").partition(".")
        assert part == "text"
        assert abs(int(at) - index) <= 1
        shown = page.evaluate(CARD)
        assert (shown["count"], shown["owner"]) == (
            f"{int(at) + 1} of 300",
            f"the {('Bigram', 'GPT')[side - 1]}'s text",
        )
        (written,) = [row for row in shown["rows"] if row["written"]]
        char = texts(page)[side - 1][int(at)]
        assert written["char"] == DRAWN.get(char, char)
    idle(page)
    assert page.evaluate("window.traffic.asked") == {}
    assert made == []


def test_a_walk_of_100_characters_asks_nothing(visit: Visit) -> None:
    page = visit(characters=300)
    page.locator("#side_2 .reading").focus()
    for _ in range(2):  # the first two may ask
        page.keyboard.press("ArrowRight")
    idle(page)
    start = int(page.evaluate(CARD)["count"].partition(" ")[0])
    made = requests_of(page)
    page.evaluate("window.traffic.asked = {}")
    for step in range(1, 101):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(CARD)["count"] == f"{start + step} of 300"
    idle(page)
    assert page.evaluate("window.traffic.asked") == {}
    assert made == []


def test_four_sides_of_2000_characters_are_few_nodes(visit: Visit) -> None:
    page = visit(characters=2000, sides=4, model_1="bigram", model_2="trigram", model_3="mlp", model_4="bigram")
    assert [len(text_of(page, side)) for side in (1, 2, 3, 4)] == [2000] * 4
    count = page.evaluate(
        """Array.from(document.querySelectorAll("#texts .text-panel"), (panel) => {
          const walker = document.createTreeWalker(panel, NodeFilter.SHOW_ALL);
          let nodes = 1;
          while (walker.nextNode()) nodes++;
          return nodes;
        })"""
    )
    assert len(count) == 4
    assert sum(count) < 2000


def test_under_a_moving_slider_the_texts_can_be_read_in_every_frame(visit: Visit) -> None:
    page = visit(characters=300)
    page.evaluate("Object.assign(window.traffic, {most: {}, asked: {}})")
    seen = frames_of_a_drag(page)
    assert seen["whole"] == [300, 300]
    assert seen["frames"] > 20
    assert seen["least"] >= 0.8
    assert seen["most"] == 1
    assert max(page.evaluate("Object.values(window.traffic.most)")) == 1
