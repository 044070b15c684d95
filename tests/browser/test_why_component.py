"""The view of the reasons on a page of its own: every number is the given one, without a request."""

import math
from collections.abc import Iterator
from typing import Any

import gradio as gr
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from small_page import add_buttons, press, served, visited

from nanogpt.playground.components.why import dependence_value, why, why_message, why_value

pytestmark = pytest.mark.browser

HOSTILE = "<b>{{x}}</b>${1}`\\"
TEXT = (HOSTILE + "\nI know this doubt, I can do the lightning.") * 2
CHARS = sorted(set(TEXT) | set("🙂é"))
T, V, LAYERS, HEADS = len(TEXT), len(CHARS), 5, 4
PARTS = [f"{i}.{part}" for i in range(1, LAYERS + 1) for part in (*range(1, HEADS + 1), "mlp")]
SOURCES = ["input", *PARTS, "rest"]
GLYPH = {" ": "␣", "\n": "↵"}

random = np.random.default_rng(1)
ids = np.array([CHARS.index(c) for c in TEXT])
next_ids = np.append(ids[1:], CHARS.index("t"))
rival = (next_ids + random.integers(1, V, T)) % V
votes = random.normal(0, 1, (T, len(SOURCES))).astype("f4")
guess, guess_p = random.integers(0, V, (T, LAYERS + 1)), random.random((T, LAYERS + 1)) ** 4
next_p = guess_p * random.random((T, LAYERS + 1)) ** 4
without_p = random.random((len(PARTS), T)) ** 2 * 2 * next_p[:, -1]
choice = np.where(random.random((len(PARTS), T)) < 0.1, random.integers(0, V, (len(PARTS), T)), next_ids)
choice[:, 3], without_p[:, 3] = next_ids[3], 1  # nothing depends on any part
written = next_ids.copy()
written[4] = choice[:, 4] = CHARS.index("é")  # the text has not been written by the model

VALUE = why_value(
    list(TEXT), CHARS, ids=ids, next=next_ids, rival=rival, difference=votes.sum(1), sources=SOURCES, votes=votes,
    after=["input", *map(str, range(1, LAYERS + 1))], guess=guess, guess_p=guess_p, next_p=next_p,
)  # fmt: skip
SMALL = why_value(
    "ab", "abc", ids=[0, 1], next=[1, 2], rival=[2, 0], difference=[1, 2], sources=["input", "1.1", "rest"],
    votes=[[0.5, 0.25, 0.25], [1, 1, 0]], after=["input", "1"], guess=[[1, 1], [2, 2]], guess_p=np.full((2, 2), 0.5),
    next_p=np.full((2, 2), 0.5),
)  # fmt: skip
STATES: dict[str, dict[str, Any]] = {
    "usual": {"value": VALUE, "dependence": dependence_value(PARTS, without_p, choice, written)},
    "soon": {"value": VALUE, "dependence": None},
    "small": {"value": SMALL},  # the dependence is that of the text before
    "message": {"value": why_message("The bigram has no layers."), "dependence": None},
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with gr.Blocks(analytics_enabled=False) as app:
        with gr.Column(elem_id="place"):
            view = why("why", "Why the next character comes")
        add_buttons(view, {name: gr.HTML(**state, render=False) for name, state in STATES.items()})
    with served(app, "#place { width: 340px; max-width: 340px; }") as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, "#why .message:not(:empty)", viewport={"width": 900, "height": 900}) as page:
        yield page


def show(page: Page, name: str) -> None:
    press(page, name)
    page.wait_for_timeout(300)


POINT = """(index) => document.dispatchEvent(new CustomEvent("point", {
  detail: { group: "inside", from: "elsewhere", side: index === null ? null : 1, part: "text", index,
            locked: window.locks ?? false } }))"""
SAID = """() => {
  const texts = (selector) => Array.from(document.querySelectorAll("#why " + selector), (row) =>
    Array.from(row.children, (cell) => cell.textContent));
  const one = (name) => document.querySelector("#why " + name).textContent;
  return {
    heading: one(".heading"), count: one(".count"), moment: one(".moment"),
    runner: one(".runner-up"), votes: texts(".votes li"), difference: one(".difference"), lens: texts(".lens li"),
    bars: Array.from(document.querySelectorAll("#why .votes i"), (i) => [i.className, parseFloat(i.style.width)]),
    end: one(".ends span:last-child"), said: one(".said"), changes: texts(".changes li"), lowering: one(".lowering"),
    lowest: texts(".lowest li"), message: one(".message"), announced: one(".announced"),
  };
}"""


def pointed(page: Page, indices: list[int | None]) -> list[dict[str, Any]]:
    """What is said when each position is pointed at in turn, in one frame."""
    return page.evaluate(f"(all) => all.map((index) => {{ ({POINT})(index); return ({SAID})(); }})", indices)


def number(shown: str) -> float:
    return float(shown.replace("−", "-"))


def near(shown: str, p: float) -> bool:
    """Is this the probability, to two significant figures?"""
    telling = 1 - p if p > 0.99 else p
    step = 10 ** (math.floor(math.log10(telling)) - 1)
    return abs(float(shown.removesuffix(" %")) / 100 - p) <= 0.501 * step


def part_name(part: str) -> str:
    return f"MLP {part[0]}" if part.endswith("mlp") else f"head {part}"


def glyph(i: int) -> str:
    return GLYPH.get(CHARS[i], CHARS[i])


def test_every_number_is_the_given_one_and_pointing_asks_nothing(page: Page) -> None:
    show(page, "usual")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    positions = [*range(3, 52), T - 1]
    for p, said in zip(positions, pointed(page, positions), strict=True):
        assert said["count"] == f"{p + 1} of {T}"
        assert f"“{glyph(next_ids[p])}”" in said["heading"]
        names = {"input": "input", "rest": "rest", **{part: part_name(part) for part in PARTS}}
        named = dict(zip(SOURCES, votes[p], strict=True))
        shown = {row[0]: number(row[2]) for row in said["votes"]}
        assert len(shown) == 9
        assert {"input", "rest", "the other 19"} <= set(shown)
        for name, vote in named.items():
            if names[name] in shown:
                assert abs(shown[names[name]] - vote) <= 0.00501
        hidden = [abs(vote) for name, vote in named.items() if names[name] not in shown]
        assert max(hidden) <= min(abs(named[x]) for x in PARTS if names[x] in shown)
        assert abs(number(said["difference"]) - votes[p].sum()) <= 0.00501
        assert abs(sum(shown.values()) - votes[p].sum()) <= 0.0051 * len(shown)
        sizes = [abs(vote) for vote in list(shown.values())[:-1]]
        assert sizes == sorted(sizes, reverse=True)
        end = number(said["end"])
        for (kind, width), vote in zip(said["bars"], shown.values(), strict=True):
            assert kind == ("against" if vote < 0 else "for") or vote == 0
            assert abs(width / 50 * end - abs(vote)) <= 0.00501
        assert [row[1] for row in said["lens"]] == [glyph(i) for i in guess[p]]
        for i, row in enumerate(said["lens"]):
            assert near(row[3], guess_p[p, i])
            assert near(row[4], next_p[p, i])
    assert requests == []


def test_what_depends_on_a_part_is_told(page: Page) -> None:
    show(page, "usual")
    positions = [p for p in range(5, 55) if p != 4]
    for p, said in zip(positions, pointed(page, positions), strict=True):
        changing: dict[str, list[str]] = {}
        for part, other in zip(PARTS, choice[:, p], strict=True):
            if other != written[p]:
                changing.setdefault(glyph(other), []).append(part_name(part))
        assert {row[0]: row[1] for row in said["changes"]} == {
            char: "without " + ", ".join(parts) for char, parts in changing.items()
        }
        falls = sorted((q, part) for q, part in zip(without_p[:, p], PARTS, strict=True) if q < next_p[p, -1])[:3]
        assert [row[0] for row in said["lowest"]] == [part_name(part) for _, part in falls]
        for row, (q, _) in zip(said["lowest"], falls, strict=True):
            now, without = row[1].split(" → ")
            assert near(now, next_p[p, -1])
            assert near(without, q)
    unchanged, foreign = pointed(page, [3, 4])
    assert unchanged["said"] == "No part, switched off alone, would change the character."
    assert (unchanged["changes"], unchanged["lowest"]) == ([], [])
    assert unchanged["lowering"].startswith("No part, switched off alone, would lower")
    assert foreign["said"] == "The model itself writes “é” here. No part, switched off alone, would change that."


def test_without_a_point_it_is_the_last_position(page: Page) -> None:
    show(page, "usual")
    (said,) = pointed(page, [None])
    assert said["count"] == f"{T} of {T}"
    assert "the likeliest is “t”" in said["moment"]
    before, beyond = pointed(page, [30, 10_000])
    assert "comes “" in before["moment"]
    assert beyond["count"] == f"{T} of {T}"
    first = pointed(page, [0])[0]
    assert first["moment"] == f"After “{glyph(ids[0])}” comes “{glyph(ids[1])}”."


def test_the_runner_up_may_be_likelier(page: Page) -> None:
    show(page, "usual")
    against, together = (int(f(votes.sum(1))) for f in (np.argmin, np.argmax))
    assert [said["runner"] for said in pointed(page, [against, together])] == ["which is likelier", "the runner-up"]


def test_dependence_follows_a_moment_later_and_never_from_another_text(page: Page) -> None:
    show(page, "soon")
    (said,) = pointed(page, [9])
    assert (said["said"], said["changes"], said["lowering"], said["lowest"]) == ("computing…", [], "", [])
    assert len(said["votes"]) == 9
    show(page, "usual")
    assert page.evaluate(SAID)["said"] != "computing…"
    show(page, "small")
    said = page.evaluate(SAID)
    assert said["said"] == "computing…"
    assert [row[0] for row in pointed(page, [0])[0]["votes"]] == ["input", "head 1.1", "rest"]


def test_a_message_stands_alone(page: Page) -> None:
    show(page, "usual")
    show(page, "message")
    pointed(page, [3])
    assert page.evaluate(SAID)["message"] == "The bigram has no layers."
    assert not page.locator("#why .shown").is_visible()
    assert not page.locator("#why h2").is_visible()


def test_only_a_locked_position_is_announced(page: Page) -> None:
    show(page, "usual")
    pointed(page, [5, 6])
    page.wait_for_timeout(600)
    assert page.evaluate(SAID)["announced"] == ""
    page.evaluate("window.locks = true")
    p = TEXT.index("\n") - 1  # a newline comes next
    pointed(page, [7, p])
    page.wait_for_function("document.querySelector('#why .announced').textContent !== ''")
    assert page.evaluate(SAID)["announced"].startswith("Why newline, against ")


def test_markup_stays_text_and_nothing_is_amiss_for_those_who_cannot_see(page: Page) -> None:
    show(page, "usual")
    said = pointed(page, list(range(len(HOSTILE) - 1)))[-1]
    assert HOSTILE[-16:-1] in said["moment"]
    assert page.locator("#why .moment b b, #why script").count() == 0
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        found = Axe().run(page, context="#why").response["violations"]
        assert not [violation["id"] for violation in found]


@pytest.mark.parametrize("width", [340, 366, 700])
def test_it_fits_its_place(page: Page, width: int) -> None:
    page.add_style_tag(content=f"#place {{ width: {width}px !important; max-width: {width}px !important; }}")
    show(page, "usual")
    heights = page.evaluate(
        f"""(T) => Array.from({{ length: T }}, (_, i) => {{
          ({POINT})(i);
          const view = document.querySelector("#why .why");
          return [view.scrollHeight, view.scrollWidth - view.clientWidth];
        }})""",
        T,
    )
    assert max(over for _, over in heights) <= 0
    assert sorted(height for height, _ in heights)[T // 2] <= 660
