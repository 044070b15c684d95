"""The card on a page of its own: it draws what is pointed at by itself, in the same frame."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr
import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from runs import run_with
from small_page import add_buttons, press, served, visited
from written import written

from nanogpt.analysis.trace import trace
from nanogpt.playground.cards import cards_of
from nanogpt.playground.components.card import card, cards_value, packed_draws
from nanogpt.playground.explanation import expansion
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo

pytestmark = pytest.mark.browser

LENGTH = 300
MODELS = {"model_1": "bigram", "model_2": "gpt", "model_3": "trigram", "model_4": "self_attention"}
USUAL: dict[str, Any] = {"width": 2, **MODELS}
STATES: dict[str, dict[str, Any]] = {
    "usual": {}, "cut": {"top_k": 9, "top_p": 0.8}, "zero": {"temperature": 0, "length": 60},
    "beam": {"method": "beam", "length": 20}, "short": {"seed": 2, "length": 40},
}  # fmt: skip
HOSTILE = "<b>{{x}}</b>${1}"


def hostile() -> dict[str, Any]:
    chars = sorted(set(HOSTILE))
    ids, n = [chars.index(c) for c in HOSTILE], len(HOSTILE)
    logs = np.log(np.full((n, 3), 0.2))
    draws = packed_draws([[0, 1, i] for i in ids], [3] * n, logs, logs, logs, np.ones((n, 3)), [])
    nothing = packed_draws([], [], [], [], [], [], [])
    side = {"own": 0, "others": [], "prompt": "", "text": HOSTILE, "vocabulary": "".join(chars)}
    return cards_value(1, 1, "sample", [("<i>GPT</i>", 1)], [{**side, "draws": {"prompt": nothing, "text": draws}}])


@pytest.fixture(scope="module")
def runs(zoo: Zoo) -> dict[str, tuple[Run, list[Any]]]:
    made = {}
    for name, changed in STATES.items():
        run = run_with(**{**USUAL, **changed})
        sides = written(zoo, run)
        made[name] = (run, sides)
    return made


@pytest.fixture(scope="module")
def url(runs: dict[str, tuple[Run, list[Any]]], zoo: Zoo) -> Iterator[str]:
    values = {name: cards_of(sides, zoo.names, run) for name, (run, sides) in runs.items()}
    values["hostile"] = hostile()
    run, sides = runs["usual"]
    shown = [{"model": side.loaded.name, "prompt": side.prompt.text, "text": side.text} for side in sides]
    with gr.Blocks(analytics_enabled=False) as app:
        with gr.Column(elem_id="place"):
            view = card("card", "One character, explained")
        branched = gr.JSON(elem_id="branched")
        view.branch(branched_from, None, branched)

        def expand(event: gr.EventData) -> Any:
            return gr.HTML(all=expansion(zoo, event.name, run, shown))

        view.expand(expand, None, view)
        add_buttons(view, values)
    with served(app, "#place { width: 344px; max-width: 344px; height: 424px; }") as url:
        yield url


def branched_from(event: gr.EventData) -> dict[str, Any]:
    return {"char": event.char, "index": event.index, "beginning": event.beginning}


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, "#card .card", viewport={"width": 900, "height": 900}) as page:
        page.evaluate("window.sent = []; for (const name of ['point', 'step'])"
                      "document.addEventListener(name, (e) => sent.push([name, e.detail]))")  # fmt: skip
        yield page


def show(page: Page, name: str) -> None:
    press(page, name)
    page.mouse.move(0, 0)
    page.locator("#card .pending").wait_for(state="detached")
    page.locator("#card .row").first.wait_for()
    page.wait_for_timeout(300)


POINT = """([side, part, index, locked = false]) => document.dispatchEvent(new CustomEvent("point", {
  detail: { group: "compare", side, part, index, locked, from: "elsewhere" } }))"""
# What the card says, by the classes of its elements.
CARD = """() => Object.assign(
  Object.fromEntries(["heading", "count", "after", "draw", "message", "announced"].map(
    (name) => [name, document.querySelector("#card ." + name).textContent])),
  { rows: Array.from(document.querySelectorAll("#card .row"), (row) => ({
      char: row.querySelector(".chip").textContent, log: row.querySelector(".log").textContent,
      noise: row.querySelector(".noise").textContent, sum: row.querySelector(".sum").textContent,
      written: row.classList.contains("written"), beyond: row.classList.contains("beyond"),
      cut: row.classList.contains("cut"), label: row.ariaLabel, bars: row.querySelectorAll("i").length })),
    numbers: Array.from(document.querySelectorAll("#card .numbers > div"), (cell) => cell.innerText.split("\\n")) })"""
WALK = f"async (places) => {{ const found = []; for (const p of places) {{ ({POINT})(p); found.push(({CARD})()); }}" \
       " return found; }"  # fmt: skip


def pointed(page: Page, *place: Any) -> dict[str, Any]:
    return page.evaluate(WALK, [list(place)])[0]


def number(shown: str) -> float:
    return float(shown.replace("−", "-"))


def test_before_a_run_the_card_says_what_to_do(page: Page) -> None:
    said = page.evaluate(CARD)
    assert "Generate a text" in said["message"]
    assert not page.locator("#card .shown").is_visible()
    assert not page.locator("#card h2").is_visible()


def test_it_begins_with_the_first_character_in_which_the_texts_differ(page: Page, runs: Any) -> None:
    show(page, "usual")
    one, other = (side.text for side in runs["usual"][1])
    first = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    said = page.evaluate(CARD)
    assert said["count"] == f"{first + 1} of {LENGTH}"
    assert "the GPT's text" in said["after"]


@pytest.mark.parametrize("state", ["usual", "cut"])
def test_every_draw_is_the_trace_s_and_walking_asks_nothing(page: Page, runs: Any, state: str) -> None:
    """Log-probability, noise and sum to their last digit; the largest sum is the one that stands in the text."""
    show(page, state)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    run, sides = runs[state]
    for number_, side in enumerate(sides, start=1):
        found = page.evaluate(WALK, [[number_, "text", i] for i in range(LENGTH)])
        told = trace(side.loaded, side.prompt, **asdict(run.params))
        chars, steps = told["vocabulary"], told["steps"]
        glyph = {" ": "␣", "\n": "↵"}
        for t, (card_, step) in enumerate(zip(found, steps, strict=True)):
            assert card_["count"] == f"{t + 1} of {LENGTH}"
            (chosen,) = [row for row in card_["rows"] if row["written"]]
            assert chosen["char"] == glyph.get(step["char"], step["char"])
            sums = {row["char"]: number(row["sum"]) for row in card_["rows"] if not row["cut"]}
            assert max(sums.values()) == sums[chosen["char"]]
            by_glyph = {glyph.get(char, char): i for i, char in enumerate(chars)}
            p = np.array(step["p"]) ** (1 / run.params.temperature)
            logs = np.log(p / p.sum())
            for row in card_["rows"]:
                i = by_glyph[row["char"]]
                assert abs(number(row["log"]) - logs[i]) <= 0.0051 + 1e-4
                assert abs(number(row["noise"]) - step["noise"][i]) <= 0.00501
                if row["cut"]:
                    assert step["kept"][i] == 0
                    assert row["sum"] == "cut"
                else:
                    assert abs(number(row["sum"]) - logs[i] - step["noise"][i]) <= 0.0051 + 1e-4
            assert any(row["beyond"] for row in card_["rows"]) == (len(card_["rows"]) == 9)
    assert requests == []


def test_a_card_is_drawn_within_a_frame(page: Page) -> None:
    show(page, "usual")
    times = page.evaluate(
        f"""() => Array.from({{ length: 300 }}, (_, i) => {{
          const began = performance.now();
          ({POINT})([2, "text", i]);
          document.querySelector("#card .card").getBoundingClientRect();
          return performance.now() - began;
        }}).sort((a, b) => a - b)"""
    )
    assert times[150] <= 16
    assert times[285] <= 50


def test_the_draw_is_told_in_words(page: Page, runs: Any) -> None:
    show(page, "usual")
    one, other = (side.text for side in runs["usual"][1])
    t = next(i for i, c in enumerate(other) if c.isalpha() and one[i].isalpha() and one[:i] != other[:i])
    said = pointed(page, 2, "text", t)
    assert said["heading"] == f"Why “{other[t]}”?"
    assert f"The noise for position {t + 1} gave “{other[t]}” " in said["draw"]
    assert said["draw"].endswith(f"The same noise made the Bigram write “{one[t]}” after its own text.")
    assert said["numbers"][1][0].endswith("temp. 0.8")
    assert [cell[0].split(",")[0] for cell in said["numbers"]][::3] == ["GPT", "Bigram"]
    assert said["rows"][0]["bars"] == 2
    said = pointed(page, 2, "prompt", 6)
    assert said["heading"] == "Why “↵” (newline)?"
    assert (said["draw"], said["count"]) == ("You wrote this; nothing was drawn.", "7 of 7")
    assert not page.locator("#card .row .noise").first.is_visible()
    show(page, "zero")
    assert pointed(page, 2, "text", 9)["draw"] == "At temperature 0 the likeliest is taken; noise has no say."
    show(page, "beam")
    said = pointed(page, 2, "text", 9)
    assert said["draw"].startswith("Beam search draws nothing")
    assert len(said["numbers"]) == 2  # neither temperature nor cut


def test_a_new_run_redraws_the_same_place_if_it_is_still_there(page: Page) -> None:
    show(page, "usual")
    pointed(page, 1, "text", 30)
    show(page, "short")
    assert page.evaluate(CARD)["count"] == "31 of 40"
    assert "the Bigram's text" in page.evaluate(CARD)["after"]
    show(page, "usual")
    pointed(page, 1, "text", 100)
    show(page, "short")
    assert "the GPT's text" in page.evaluate(CARD)["after"]


def test_a_text_that_the_numbers_do_not_belong_to_has_no_card(page: Page, runs: Any) -> None:
    show(page, "usual")
    text = runs["usual"][1][1].text
    page.evaluate(
        """(text) => {
          const panel = document.createElement("div");
          panel.className = "text-panel";
          Object.assign(panel.dataset, { group: "compare", side: 2 });
          for (const [part, string] of [["prompt", "ROMEO:\\n"], ["text", text]]) {
            const span = document.createElement("span");
            span.className = part;
            span.append(string);
            panel.append(span);
          }
          document.body.append(panel);
        }""",
        text,
    )
    assert pointed(page, 2, "text", 50)["message"] == ""
    page.evaluate("document.querySelector('.text-panel .text').firstChild.data = 'Another'")
    assert "The text has changed" in pointed(page, 2, "text", 3)["message"]
    assert not page.locator("#card .shown").is_visible()
    assert pointed(page, 1, "text", 3)["message"] == ""


def test_a_step_tells_where_it_starts(page: Page) -> None:
    show(page, "usual")
    page.get_by_role("button", name="Next character").click()
    (kind, detail), (last, step) = page.evaluate("sent")
    assert (kind, last) == ("point", "step")
    assert (detail["side"], detail["part"], detail["locked"]) == (2, "text", True)
    assert step == {"group": "compare", "by": 1}
    page.get_by_role("button", name="Previous character").click()
    assert page.evaluate("sent.length") == 3
    assert page.evaluate("sent[2]") == ["step", {"group": "compare", "by": -1}]


def test_only_a_locked_character_is_announced_and_only_at_rest(page: Page) -> None:
    show(page, "usual")
    page.evaluate(WALK, [[2, "text", i] for i in range(5)])
    page.wait_for_timeout(600)
    assert page.evaluate(CARD)["announced"] == ""
    page.evaluate(WALK, [[2, "text", i, True] for i in range(5)])
    assert page.evaluate(CARD)["announced"] == ""
    page.wait_for_function("document.querySelector('#card .announced').textContent !== ''")
    assert "character 5 of 300 of the GPT's text" in page.evaluate(CARD)["announced"]


def test_a_row_branches_with_all_that_stands_before_it(page: Page, runs: Any) -> None:
    show(page, "usual")
    text = runs["usual"][1][1].text
    said = pointed(page, 2, "text", 40, True)
    page.locator("#card .row").nth(2).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.locator("#branched").get_by_text("beginning").wait_for()
    found = page.locator("#branched").inner_text()
    assert said["rows"][1]["char"].replace("␣", " ") in found
    assert text[20:30].strip() in found.replace("\\n", "\n")


def test_all_characters_can_be_asked_for(page: Page) -> None:
    show(page, "usual")
    pointed(page, 2, "text", 40, True)
    page.locator("#card .toggle").click()
    page.locator("#card .row").nth(64).wait_for(state="attached")
    rows = page.evaluate(CARD)["rows"]
    assert len(rows) == 65
    sums = [number(row["sum"]) for row in rows]
    assert rows[sums.index(max(sums))]["written"]
    page.locator("#card .toggle").click()
    assert len(page.evaluate(CARD)["rows"]) <= 9


@pytest.mark.parametrize("state", ["usual", "cut", "zero", "beam"])
def test_a_card_of_two_texts_needs_no_scrolling(page: Page, state: str) -> None:
    show(page, state)
    heights = page.evaluate(
        f"""(length) => Array.from({{ length }}, (_, i) => {{
          ({POINT})([1 + i % 2, "text", i]);
          const card = document.querySelector("#card .card");
          return [card.scrollHeight - card.clientHeight, card.scrollWidth - card.clientWidth];
        }})""",
        {"zero": 60, "beam": 20}.get(state, LENGTH),
    )
    assert max(height for height, _ in heights) <= 0
    assert max(width for _, width in heights) <= 0


def test_markup_stays_text(page: Page) -> None:
    show(page, "hostile")
    for i, char in enumerate(HOSTILE):
        said = pointed(page, 1, "text", i)
        assert said["heading"] == f"Why “{char}”?"
        assert "<i>GPT</i>" in said["after"]
    assert page.locator("#card b, #card .after i").count() == 0
