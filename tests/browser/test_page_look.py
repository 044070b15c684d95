"""How the page looks: it fits, it can be read, and it is photographed into tests/screenshots/."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Visit
from server import REPOSITORY
from visitor import click_character, generate, idle, open_tab, selected

pytestmark = pytest.mark.browser

SCREENSHOTS = REPOSITORY / "tests" / "screenshots"
TABS = ("Compare", "Look inside", "Score")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_tab_fits_and_can_be_read(width: int, theme: str, visit: Visit) -> None:
    page = visit(window=width, theme=theme, characters=200, selected="side_2.text.12")
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    page.locator("#card .row").nth(7).wait_for()  # the held character comes after the run
    found = []
    for tab in TABS:
        open_tab(page, tab)
        page.mouse.move(0, 0)
        page.screenshot(path=SCREENSHOTS / f"{tab.lower().replace(' ', '-')}-{width}-{theme}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{tab} is {wide} pixels wide")
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                places = [node["html"][:200] for node in violation["nodes"][:5]]
                found.append(f"{tab}: {violation['id']}: {violation['help']}: {places}")
    assert not found, "\n".join(found)


def test_a_tap_opens_the_card_on_a_phone(visit: Visit) -> None:
    page = visit(window=390, characters=60)
    character = page.locator("#side_2 .text").evaluate("node => node.textContent.search(/[a-z]/)")
    x, y = page.locator("#side_2 .text").evaluate(
        """(node, index) => {
          node.scrollIntoView({block: "center"});
          const range = document.createRange();
          range.setStart(node.firstChild, index);
          range.setEnd(node.firstChild, index + 1);
          const box = range.getBoundingClientRect();
          return [box.x + box.width / 2, box.y + box.height / 2];
        }""",
        character,
    )
    page.touchscreen.tap(x, y)
    idle(page)
    assert selected(page) == f"side_2.text.{character}"
    assert page.locator("#card .count").inner_text() == f"{character + 1} of 60"
    assert page.locator("#card .owner").inner_text() == "the GPT's text"


def test_three_and_four_sides_fit_too(visit: Visit) -> None:
    for width in (390, 1280):
        page = visit(window=width, characters=60, sides=4)
        generate(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert all(len(page.locator(f"#side_{side} .text").inner_text()) > 40 for side in (1, 2, 3, 4))
        click_character(page, 4, page.locator("#side_4 .text").evaluate("node => node.textContent.search(/[a-z]/)"))
        assert selected(page).startswith("side_4.text.")
