"""What a visitor of the page does, and sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page

PATIENCE = 60_000  # milliseconds: other work may hold both cores
# Looks are counted, not the time between them: after a stall, much time has passed and nothing has been handled.
IDLE = """() => {
  const busy = window.traffic.pending.size || document.querySelector("[data-status=running]");
  window.traffic.quiet = busy ? 0 : window.traffic.quiet + 1;
  return window.traffic.quiet > 6;
}"""


def idle(page: Page) -> None:
    """Wait until the server has answered everything, and nothing more is asked for a moment."""
    page.evaluate("window.traffic.quiet = 0")
    page.wait_for_function(IDLE, polling=50, timeout=PATIENCE)


def loaded(page: Page) -> None:
    """Wait until a page that was opened, or opened again, has its first run."""
    page.locator("#side_2 [data-status=done]").wait_for(state="attached")
    idle(page)


def generate(page: Page) -> None:
    page.locator("#generate").click()
    idle(page)


@contextmanager
def in_reach(page: Page, name: str) -> Iterator[None]:
    """Meanwhile the control can be used: where it stands under "More", that is open."""
    closed = page.locator(f"#more_panel #{name}").count() > 0 and not page.locator("#more_panel").is_visible()
    if closed:
        page.locator("#more").click()
    yield
    if closed:
        page.locator("#more").click()


def enter_number(page: Page, name: str, value: object) -> None:
    """Type into the number box of a dial and press Enter, as a visitor would."""
    with in_reach(page, name):
        box = page.locator(f"#{name} input[type=number]")
        box.fill(str(value))
        box.press("Enter")


def set_number(page: Page, name: str, value: object) -> None:
    """Enter a number, and wait for what follows from it."""
    enter_number(page, name, value)
    idle(page)


def choose(page: Page, name: str, option: str) -> None:
    """Choose from a menu."""
    with in_reach(page, name):
        page.locator(f"#{name} select").select_option(label=option)
    idle(page)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    page.locator({"Compare": "#prompt", "Look inside": "#attention_text", "Score": "#score_text"}[name]).wait_for()
    idle(page)


def prompt_of(page: Page, side: int) -> str:
    return page.locator(f"#side_{side} .prompt").evaluate("node => node.textContent")


def text_of(page: Page, side: int) -> str:
    return page.locator(f"#side_{side} .text").evaluate("node => node.textContent")


def texts(page: Page) -> list[str]:
    """What both sides have written."""
    return [text_of(page, 1), text_of(page, 2)]


def status(page: Page, side: int) -> str | None:
    return page.locator(f"#side_{side} .text-panel").get_attribute("data-status")


def notice(page: Page, side: int = 1) -> str:
    return page.locator(f"#side_{side} .notice").inner_text()


def selected(page: Page) -> str:
    """The name of the character that is held, as the address tells it."""
    page.wait_for_timeout(150)  # the address is written when the selection rests
    return parse_qs(urlsplit(page.evaluate("location.href")).query).get("selected", [""])[0]


def click_character(page: Page, side: int, index: int) -> None:
    """Click the middle of a character of a side's text; it must have a width, so no newline."""
    x, y = page.locator(f"#side_{side} .text").evaluate(
        """(node, index) => {
          const range = document.createRange();
          range.setStart(node.firstChild, index);
          range.setEnd(node.firstChild, index + 1);
          range.startContainer.parentElement.scrollIntoView({block: "center"});
          const box = range.getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2];
        }""",
        index,
    )
    page.mouse.click(x, y)
    idle(page)


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press Tab until the focus is there."""
    for _ in range(120):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"{selector} is not reached with {key}")
