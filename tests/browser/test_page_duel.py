"""Compare: type, generate, stop, slide; the same luck on all sides."""

import statistics
import time
from itertools import takewhile

import pytest
from conftest import Api, Visit
from playwright.sync_api import Page
from server import CHECKPOINTS
from visitor import (
    enter_number,
    generate,
    idle,
    in_reach,
    notice,
    prompt_of,
    selected,
    set_number,
    status,
    tab_to,
    text_of,
    texts,
)

import nanogpt
from nanogpt.generation.generate import generate_steps as steps
from nanogpt.generation.sampling import SamplingParams

pytestmark = pytest.mark.browser

LENGTHS = "() => ['side_1', 'side_2'].map((id) => document.querySelector(`#${id} .text`).textContent.length)"
BOTH = "() => document.querySelectorAll('#side_1 [data-status={0}], #side_2 [data-status={0}]').length === 2"


def lengths_while_running(page: Page, count: int) -> list[list[int]]:
    """The lengths of both texts at `count` moments at which both had grown."""
    seen = [[0, 0]]
    while len(seen) <= count:
        page.wait_for_function(
            f"([one, two]) => {{ const now = ({LENGTHS})(); return now[0] > one && now[1] > two; }}", arg=seen[-1]
        )
        seen.append(page.evaluate(LENGTHS))
    return seen[1:]


def stop(page: Page) -> list[str]:
    """Press Stop; both texts, which nothing follows any more."""
    page.locator("#stop").click()
    return stopped(page)


def stopped(page: Page) -> list[str]:
    """Both texts once they are stopped; nothing follows them any more."""
    page.wait_for_function(BOTH.format("stopped"))
    page.wait_for_timeout(300)
    partial = texts(page)
    page.wait_for_timeout(700)
    assert texts(page) == partial
    return partial


def test_both_sides_grow_and_stop_keeps_what_there_is(visit: Visit) -> None:
    """Once, a frame that was under way when Stop was pressed showed the panel as running for ever."""
    page = visit(characters=20)
    enter_number(page, "length", 2000)
    assert lengths_while_running(page, 3)[1][1] < 2000  # drawn while it was written, not at once at the end

    partial = stop(page)
    assert all(20 < len(text) < 2000 for text in partial)
    assert [status(page, side) for side in (1, 2)] == ["stopped", "stopped"]

    page.locator("#generate").click()  # the next run starts, although the last one was cut off
    page.wait_for_function(BOTH.format("running"))
    page.locator("#stop").click()
    idle(page)
    set_number(page, "length", 21)
    assert [status(page, side) for side in (1, 2)] == ["done", "done"]
    assert texts(page) == [text[:21] for text in partial]  # the same luck as in the run that was stopped


def test_stop_halts_the_run_of_a_link_too(visit: Visit) -> None:
    """Once it was an event of its own: Stop did not know it, and a slider's run wrote between its frames."""
    page = visit(characters=2000, run=False, wait=False)
    page.wait_for_function(f"() => document.querySelector('#side_2 .text') && ({LENGTHS})()[1] > 100")
    partial = stop(page)
    assert all(100 < len(text) < 2000 for text in partial)


def test_stop_halts_the_run_that_waits_for_its_turn_too(visit: Visit) -> None:
    """Once it began when the one before it was cut off, and wrote to its end."""
    # Four GPTs: on a machine that stalls for a moment, two sides were complete before Stop was pressed.
    page = visit(characters=20, sides=4, model_1="gpt", model_3="gpt", model_4="gpt")
    enter_number(page, "length", 2000)
    page.wait_for_function(BOTH.format("running"))
    enter_number(page, "length", 1999)
    assert all(0 < len(text) < 1999 for text in stop(page))


def test_stop_halts_the_run_that_another_makes_way_for(visit: Visit) -> None:
    """Once, Stop between the cancelling of a run and its end let the newer one write to its end."""
    page = visit(characters=20, sides=4, model_1="gpt", model_3="gpt", model_4="gpt")
    for wait in (0, 105, 120, 150):
        overtake_and_stop(page, wait)


def test_stop_before_the_run_has_an_id(visit: Visit) -> None:
    """The connection is slow. Gradio's script cancels an event `null`; the server answered that with an error."""
    page = visit(characters=20)
    page.route("**/queue/join*", lambda route: time.sleep(0.4) or route.continue_())
    stop_after(page, 60, length=200)
    page.wait_for_function("() => document.querySelector('#status').textContent.includes('Stopped')")
    idle(page)
    assert [len(text) for text in texts(page)] == [20, 20]


def overtake_and_stop(page: Page, wait: int) -> None:
    enter_number(page, "length", 2000)
    page.wait_for_function(f"() => ({LENGTHS})()[1] > 50")
    stop_after(page, wait, length=1999)
    assert all(0 < len(text) < 1999 for text in stopped(page))
    set_number(page, "length", 30)
    assert [len(text) for text in texts(page)] == [30, 30]


def stop_after(page: Page, wait: int, *, length: int) -> None:
    """Ask for so many characters, and press Stop so many milliseconds later."""
    page.evaluate(
        """([wait, length]) => {
          const box = document.querySelector("#length input[type=number]");
          box.value = length;
          box.dispatchEvent(new Event("change"));
          setTimeout(() => document.querySelector("#stop").click(), wait);
        }""",
        [wait, length],
    )


def test_a_slider_overtakes_the_run_of_a_link(visit: Visit, api: Api) -> None:
    page = visit(characters=1000, run=False, wait=False)
    page.wait_for_function(f"() => document.querySelector('#side_2 .text') && ({LENGTHS})()[1] > 100")
    set_number(page, "length", 40)
    assert texts(page)[1] == api("/sample", model="gpt", prompt="ROMEO:\n", max_new_tokens=40)


def test_sliders_at_both_ends(visit: Visit, api: Api) -> None:
    page = visit(characters=40, model_2="trigram")
    values = {"temperature": 0.8, "top_k": 0, "top_p": 1.0, "max_new_tokens": 40, "seed": 1}
    ends = [
        ("temperature", "Home", 0), ("temperature", "End", 2), ("top_p", "Home", 0.01), ("top_p", "End", 1),
        ("top_k", "End", 65), ("top_k", "Home", 0), ("length", "Home", 1), ("length", "End", 2000),
    ]  # fmt: skip
    for name, key, value in ends:
        with in_reach(page, name):
            page.locator(f"#{name} input[type=range]").press(key)
            idle(page)
        assert float(page.locator(f"#{name} input[type=number]").input_value()) == value
        values["max_new_tokens" if name == "length" else name] = value
        for side, model in enumerate(("bigram", "trigram"), 1):
            assert text_of(page, side) == api("/sample", model=model, prompt="ROMEO:\n", **values), (name, value)
            assert status(page, side) == "done"
    assert [len(text) for text in texts(page)] == [2000, 2000]


def test_the_same_model_on_both_sides_writes_the_same_text(visit: Visit) -> None:
    """Twenty seeds: tests/playground/test_comparison.py."""
    page = visit(characters=200, model_1="gpt", model_2="gpt")
    first, _ = texts(page)
    set_number(page, "seed", 2)
    one, two = texts(page)
    assert one == two != first
    assert len(one) == len(first) == 200


def test_a_slider_that_comes_back_changes_nothing(visit: Visit) -> None:
    page = visit(characters=200)
    before = texts(page)
    set_number(page, "temperature", 1.5)
    assert texts(page)[1] != before[1]
    set_number(page, "temperature", 0.8)
    assert texts(page) == before
    generate(page)
    assert texts(page) == before


def test_a_small_step_of_the_temperature_keeps_more_than_a_new_seed() -> None:
    """Needs no browser, but belongs to the slider: what stays while it is dragged."""
    model, tokenizer = nanogpt.load(CHECKPOINTS / "gpt")

    def common_prefix(seed: int, temperature: float, other_seed: int) -> int:
        runs = (
            steps(model, tokenizer.encode("ROMEO:\n"), SamplingParams(t, max_new_tokens=50, seed=s))
            for t, s in ((0.8, seed), (temperature, other_seed))
        )
        return sum(1 for _ in takewhile(lambda pair: pair[0].id == pair[1].id, zip(*runs, strict=True)))

    seeds = range(1, 31)
    slid = statistics.median(common_prefix(seed, 0.81, seed) for seed in seeds)
    reseeded = statistics.median(common_prefix(seed, 0.8, seed + 1000) for seed in seeds)
    assert slid >= 5 * max(1, reseeded)


def test_a_drag_has_one_request_in_flight_and_ends_on_its_last_value(visit: Visit, api: Api) -> None:
    page = visit(characters=500)
    page.evaluate("Object.assign(window.traffic, {most: {}, asked: {}})")
    track = page.locator("#temperature input[type=range]").bounding_box()
    assert track is not None
    middle = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + 0.4 * track["width"], middle)
    page.mouse.down()
    for step in range(20):
        page.mouse.move(track["x"] + (0.4 + 0.025 * step) * track["width"], middle)
        page.wait_for_timeout(30)
    page.wait_for_function("() => window.traffic.pending.size === 0")
    assert [status(page, side) for side in (1, 2)] == ["running", "running"]  # while it is held, a preview
    assert 1 < len(text_of(page, 2)) < 500
    page.mouse.up()
    idle(page)
    assert [status(page, side) for side in (1, 2)] == ["done", "done"]
    traffic = page.evaluate("({most: window.traffic.most, asked: window.traffic.asked})")
    assert max(traffic["most"].values()) == 1
    assert 2 <= max(traffic["asked"].values()) <= 21
    last = float(page.locator("#temperature input[type=number]").input_value())
    assert last > 1.2
    for side, model in enumerate(("bigram", "gpt"), 1):
        expected = api("/sample", model=model, prompt="ROMEO:\n", temperature=last, max_new_tokens=500)
        assert text_of(page, side) == expected


def test_passing_through_runs_nothing(visit: Visit) -> None:
    """Once, the menu of a model and the number box of a slider ran the comparison when they lost the focus."""
    page = visit(characters=20)
    page.locator("#more").click()
    page.evaluate("Object.assign(window.traffic, {asked: {}})")
    page.locator("#prompt textarea").focus()
    passed: set[str | None] = set()
    for key in ("Tab", "Shift+Tab"):
        for _ in range(30):
            page.keyboard.press(key)
            passed.add(page.evaluate("document.activeElement.closest('#model_1, #length')?.id"))
        idle(page)
    assert {"model_1", "length"} <= passed
    assert page.evaluate("window.traffic.asked") == {}


def test_by_keyboard_alone(visit: Visit) -> None:
    page = visit(characters=60)
    tab_to(page, "#prompt textarea")
    page.keyboard.press("Control+A")
    page.keyboard.type("HENRY:")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("My lord")
    tab_to(page, "#generate")
    page.keyboard.press("Enter")
    idle(page)
    assert prompt_of(page, 2) == "HENRY:\nMy lord"
    before = texts(page)

    tab_to(page, "#side_2 .reading")  # walk along the text, and hold a character
    for key in ("ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    idle(page)
    assert selected(page) == "side_2.text.2"

    tab_to(page, "#card .row")  # walk along the alternatives, and go on from one
    page.keyboard.press("Home")
    if page.evaluate("document.activeElement.classList.contains('written')"):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    idle(page)
    branched = prompt_of(page, 2)
    assert branched[:-1] == "HENRY:\nMy lord" + before[1][:2]
    assert branched[-1] != before[1][2]

    tab_to(page, "#undo", key="Shift+Tab")
    page.keyboard.press("Enter")
    idle(page)
    assert prompt_of(page, 2) == "HENRY:\nMy lord"
    assert texts(page) == before

    tab_to(page, "#more", key="Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, "#length input[type=number]")
    page.keyboard.press("Control+A")
    page.keyboard.type("2000")
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => Math.min(...({LENGTHS})()) > 100")
    tab_to(page, "#stop", key="Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(BOTH.format("stopped"))
    assert all(0 < len(text) < 2000 for text in texts(page))


def test_five_hundred_characters_stay_few_nodes(visit: Visit) -> None:
    page = visit(characters=500)
    count = """(selector) => {
      const walker = document.createTreeWalker(document.querySelector(selector));
      let nodes = 0;
      while (walker.nextNode()) nodes++;
      return nodes;
    }"""
    assert [len(text) for text in texts(page)] == [500, 500]
    assert all(page.evaluate(count, panel) < 2000 for panel in ("#side_1", "#side_2"))


def test_an_empty_prompt_starts_from_a_newline(visit: Visit, api: Api) -> None:
    page = visit(characters=40)
    page.locator("#prompt textarea").fill("")
    generate(page)
    assert notice(page) == "The prompt is empty: starting from a newline."
    assert text_of(page, 1) == api("/sample", model="bigram", prompt="\n", max_new_tokens=40)
