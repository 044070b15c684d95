"""The switches on a page of their own: what the reader switches off is what Python gets."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page
from small_page import add_buttons, press, served, visited

from nanogpt.playground.components.switches import switches

pytestmark = pytest.mark.browser

LAYERS, HEADS = 3, 2
PARTS = [f"{i}.{part}" for i in (1, 2, 3) for part in ("1", "2", "mlp")]
COSTS = {"1.1": 0.083, "1.2": 0.32, "1.mlp": -0.011, "2": 1.5, "attention": 2.126, "mlps": 0.0001}
TRIES = [
    {"name": "No <b>attention</b>", "off": ["attention"], "watch": "Watch ${1} the <i>words</i>."},
    {"name": "No layer 2", "off": ["2"], "watch": "Watch the spelling."},
    {"name": "One head", "off": ["3.1"], "watch": "Watch nothing."},
]
FIRST = {"layers": LAYERS, "heads": HEADS, "mlps": True, "costs": COSTS, "experiments": TRIES, "disabled": ""}
STATES: dict[str, dict[str, Any]] = {
    "usual": {"value": [], "result": "All parts are on.", **FIRST},
    "link": {"value": ["1.2", "3.mlp"], "result": "<b>+0.4</b> bits", **FIRST},
    "attention": {"value": [], **FIRST, "layers": 1, "heads": 4, "mlps": False, "costs": {}, "experiments": []},
    "large": {"value": [], **FIRST, "layers": 6, "heads": 6, "costs": {f"{i}.{j}": 0.25 for i in range(1, 7) for j in
              (1, 2, 3, 4, 5, 6, "mlp")}},
    "none": {"value": [], **FIRST, "layers": 0, "experiments": [], "disabled": "The bigram has no parts."},
    "busy": {"value": [], **FIRST, "disabled": "The text is being read."},
}  # fmt: skip

heard: list[Any] = []  # what Python got: lists of parts, and (index, parts) of experiments


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    def experiment(value: Any, event: gr.EventData) -> None:
        heard.append((event.index, value))

    with gr.Blocks(analytics_enabled=False) as app:
        with gr.Column(elem_id="place"):
            view = switches("switches", "Parts of the model")
        view.input(heard.append, view, None, queue=False)
        view.experiment(experiment, view, None, queue=False)
        add_buttons(view, {name: gr.HTML(**state, render=False) for name, state in STATES.items()})
    with served(app, "#place { width: 340px; max-width: 340px; }") as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visited(browser, url, "#switches .switches", viewport={"width": 900, "height": 900}) as page:
        heard.clear()
        yield page


def answered(page: Page, act: Any) -> None:
    """Do something, and wait until the server has answered it."""
    with page.expect_response(lambda answer: "/run/" in answer.url):
        act()
    page.wait_for_timeout(200)


def show(page: Page, name: str) -> None:
    press(page, name)
    page.wait_for_timeout(200)


def switch(page: Page, name: str) -> Locator:
    return page.locator(f"#switches .switch[data-name='{name}']")


def pressed(page: Page) -> dict[str, str]:
    found = page.evaluate(
        """() => Array.from(document.querySelectorAll("#switches [data-name]"),
             (button) => [button.dataset.name, button.getAttribute("aria-pressed")])"""
    )
    return dict(found)


def test_what_is_clicked_is_what_python_gets(page: Page) -> None:
    show(page, "usual")
    assert list(pressed(page)) == ["1", *PARTS[:3], "2", *PARTS[3:6], "3", *PARTS[6:], "attention", "mlps"]
    steps: list[tuple[str, list[str]]] = [
        ("2.1", ["2.1"]), ("1.mlp", ["1.mlp", "2.1"]), ("2", ["1.mlp", "2.1", "2.2", "2.mlp"]), ("2", ["1.mlp"]),
        ("attention", ["1.1", "1.2", "1.mlp", "2.1", "2.2", "3.1", "3.2"]), ("mlps", PARTS),
        ("attention", ["1.mlp", "2.mlp", "3.mlp"]),
    ]  # fmt: skip
    for name, off in steps:
        answered(page, switch(page, name).click)
        assert heard[-1] == off
        shown = pressed(page)
        assert [part for part in PARTS if shown[part] == "true"] == off
    assert (shown["1"], shown["attention"], shown["mlps"]) == ("mixed", "false", "true")
    answered(page, page.locator("#switches .reset").click)
    assert heard[-1] == []
    assert len(heard) == len(steps) + 1
    assert set(pressed(page).values()) == {"false"}


def test_costs_stand_under_the_names_and_tint_the_more_the_larger(page: Page) -> None:
    show(page, "usual")
    costs = {name: switch(page, name).locator(".cost").inner_text() for name in COSTS}
    assert costs == {
        "1.1": "+0.08", "1.2": "+0.32", "1.mlp": "−0.01", "2": "+1.50", "attention": "+2.13", "mlps": "0.00",
    }  # fmt: skip
    assert switch(page, "2.1").locator(".cost").inner_text() == ""
    tints = [switch(page, n).evaluate("(b) => Number(b.style.getPropertyValue('--strength'))") for n in PARTS[:4]]
    assert tints == [pytest.approx((0.083 / 0.32) ** 0.5), 1, 0, 0]
    assert switch(page, "1.1").get_attribute("aria-label") == "Switch off head 1.1, costs +0.08 bits per character"
    assert switch(page, "2.mlp").get_attribute("aria-label") == "Switch off MLP of layer 2"


def test_what_is_off_is_struck_through(page: Page) -> None:
    show(page, "link")
    lines = "(node) => getComputedStyle(node).textDecorationLine"
    assert switch(page, "1.2").locator(".what").evaluate(lines) == "line-through"
    assert switch(page, "1.1").locator(".what").evaluate(lines) == "none"
    assert (pressed(page)["1"], pressed(page)["2"]) == ("mixed", "false")
    assert page.locator("#switches .result").inner_text() == "<b>+0.4</b> bits"
    assert heard == []  # Python's own value is no input


def test_an_experiment_sets_the_switches_and_says_what_to_watch_for(page: Page) -> None:
    show(page, "usual")
    watch = page.locator("#switches .watch")
    tries = page.locator("#switches .experiment")
    answered(page, tries.nth(0).click)
    assert heard == [(0, ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2"])]
    assert watch.inner_text() == TRIES[0]["watch"]
    assert tries.nth(0).inner_text() == TRIES[0]["name"]
    assert page.locator("#switches b, #switches i").count() == 0
    answered(page, tries.nth(1).click)
    assert heard[-1] == (1, ["2.1", "2.2", "2.mlp"])
    assert [tries.nth(i).get_attribute("aria-pressed") for i in range(3)] == ["false", "true", "false"]
    assert pressed(page)["2"] == "true"
    answered(page, switch(page, "2.1").click)
    assert heard[-1] == ["2.2", "2.mlp"]
    assert watch.inner_text() == "Each switches parts off and says what to watch for."
    assert tries.nth(1).get_attribute("aria-pressed") == "false"


def test_the_grid_is_one_tab_stop_that_arrows_walk(page: Page) -> None:
    show(page, "usual")
    page.locator("#switches .reset").focus()
    where = "document.activeElement.dataset.name ?? document.activeElement.className"
    walk = []
    for key in ("Shift+Tab", "Shift+Tab", "Shift+Tab"):
        page.keyboard.press(key)
        walk.append(page.evaluate(where))
    assert walk == ["mlps", "attention", "1.1"]
    walk = []
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "Home", "ArrowLeft", "End", "ArrowUp"):
        page.keyboard.press(key)
        walk.append(page.evaluate(where))
    assert walk == ["1.2", "2.2", "3.2", "3.2", "3", "3", "3.mlp", "2.mlp"]
    answered(page, lambda: page.keyboard.press("Space"))
    assert heard == [["2.mlp"]]
    assert page.evaluate(where) == "2.mlp"
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate(where) == "2.mlp"


def test_one_layer_without_mlps(page: Page) -> None:
    show(page, "attention")
    assert list(pressed(page)) == ["1", "1.1", "1.2", "1.3", "1.4", "attention", "mlps"]
    assert not switch(page, "mlps").is_visible()
    assert not page.locator("#switches .tries").is_visible()
    answered(page, switch(page, "attention").click)
    assert heard == [["1.1", "1.2", "1.3", "1.4"]]


def test_a_model_without_parts_says_why(page: Page) -> None:
    show(page, "none")
    assert page.locator("#switches .reason").inner_text() == "The bigram has no parts."
    assert not page.locator("#switches .model").is_visible()
    show(page, "busy")
    assert page.locator("#switches .reason").inner_text() == "The text is being read."
    assert page.locator("#switches button:enabled").count() == 0
    show(page, "usual")
    assert page.locator("#switches button:disabled").count() == 0


@pytest.mark.parametrize("state", ["usual", "attention", "large"])
def test_it_fits_340_pixels(page: Page, state: str) -> None:
    show(page, state)
    over = page.evaluate(
        """() => Math.max(...Array.from(document.querySelectorAll("#switches .switch, #switches .switches"),
             (node) => node.scrollWidth - node.clientWidth))"""
    )
    assert over <= 0


def test_nothing_is_amiss_for_those_who_cannot_see(page: Page) -> None:
    show(page, "link")
    for dark in (False, True):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        found = Axe().run(page, context="#switches").response["violations"]
        assert not [violation["id"] for violation in found]
    page.emulate_media(forced_colors="active")
    grounds = [switch(page, n).evaluate("(b) => getComputedStyle(b).backgroundColor") for n in ("1.1", "1.2")]
    assert grounds[0] != grounds[1]
