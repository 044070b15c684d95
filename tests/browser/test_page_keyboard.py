"""Compare by keyboard alone: every control is found by the name that a screen reader says."""

import re
from dataclasses import dataclass

import pytest
from conftest import Visit
from playwright.sync_api import CDPSession, Page
from visitor import idle, prompt_of, text_of, texts

pytestmark = pytest.mark.browser


@dataclass
class Reader:
    """A visitor who has no mouse and sees nothing: who hears role and name of what has the focus."""

    page: Page
    hearing: CDPSession

    @classmethod
    def of(cls, page: Page) -> "Reader":
        return cls(page, page.context.new_cdp_session(page))

    def focused(self) -> tuple[str, str]:
        """Role and accessible name of what has the focus, as the browser computes them."""
        found = self.hearing.send("Runtime.evaluate", {"expression": "document.activeElement"})["result"]
        tree = self.hearing.send(
            "Accessibility.getPartialAXTree", {"objectId": found["objectId"], "fetchRelatives": False}
        )
        (node,) = tree["nodes"]
        return node["role"]["value"], node.get("name", {}).get("value", "")

    def reach(self, role: str, name: str, *, back: bool = False) -> None:
        """Press Tab until the control of this role, whose name matches, has the focus; from the page's start on."""
        heard: list[tuple[str, str]] = []
        for _ in range(60):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            heard.append(self.focused())
            if heard[-1][0] == role and re.fullmatch(name, heard[-1][1]):
                return
        pytest.fail(f"no {role} {name!r} among {heard}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        idle(self.page)


@pytest.fixture
def reader(visit: Visit) -> Reader:
    return Reader.of(visit(characters=60))


@pytest.fixture(scope="module")
def lasting(visit_of_all: Visit) -> Reader:
    return Reader.of(visit_of_all(characters=60))


@pytest.fixture
def guest(lasting: Reader) -> Reader:
    """A reader on a page that others have used, who starts at its top, and leaves texts and controls as they are."""
    lasting.page.evaluate("playground.closeCard()")
    lasting.page.mouse.click(1, 1)
    return lasting


def shown_character(page: Page) -> str:
    """Which character the card explains: "5 of 60 the GPT's text"."""
    return " ".join(page.locator(f"#card {part}").inner_text() for part in (".count", ".owner"))


def test_a_beginning_is_typed_and_generated(reader: Reader) -> None:
    page = reader.page
    reader.reach("textbox", "Beginning")
    page.keyboard.press("Control+A")
    page.keyboard.type("HENRY:")
    reader.press("Shift+Enter")
    page.keyboard.type("My lord")
    reader.press("Enter")
    assert prompt_of(page, 1) == prompt_of(page, 2) == "HENRY:\nMy lord"
    assert [len(text) for text in texts(page)] == [60, 60]
    reader.press("Control+A", "Delete")
    page.keyboard.type("KING")
    reader.reach("button", "Generate")
    reader.press("Enter")
    assert prompt_of(page, 2) == "KING"


def test_an_example_is_chosen(reader: Reader) -> None:
    reader.reach("combobox", "Examples")
    reader.press("ArrowDown")
    assert prompt_of(reader.page, 2) == "To be, or not to be"


def test_temperature_and_luck_are_changed(reader: Reader) -> None:
    page = reader.page
    before = texts(page)
    reader.reach("spinbutton", "Temperature")
    page.keyboard.press("Control+A")
    page.keyboard.type("1.5")
    reader.press("Enter")
    hotter = texts(page)
    assert hotter != before
    reader.reach("slider", "Temperature")
    reader.press("Home")
    assert texts(page) != hotter
    assert page.locator("#temperature input[type=number]").input_value() == "0"
    reader.press("End")
    reader.reach("button", "New luck")
    wild = texts(page)
    reader.press("Enter")
    assert texts(page) != wild


@pytest.mark.parametrize("side", [1, 2])
def test_a_menu_of_models_changes_model_and_text(side: int, reader: Reader) -> None:
    page = reader.page
    before = texts(page)
    reader.reach("combobox", f"Model {side}")
    for key in ("ArrowDown", "ArrowDown") if side == 1 else ("ArrowUp",):
        title, text = page.locator(f"#side_{side} .name").text_content(), text_of(page, side)
        reader.press(key)
        assert page.locator(f"#side_{side} .name").text_content() != title
        assert text_of(page, side) != text
    chosen = page.locator(f"#model_{side} select").evaluate("menu => menu.selectedOptions[0].text")
    assert page.locator(f"#side_{side} .name").text_content() == chosen
    assert text_of(page, 3 - side) == before[2 - side]


def test_the_settings_under_more_are_changed(reader: Reader) -> None:
    page = reader.page
    reader.reach("button", "More.*")
    reader.press("Enter")
    before = texts(page)
    reader.reach("spinbutton", "Characters")
    page.keyboard.press("Control+A")
    page.keyboard.type("41")
    reader.press("Enter")
    assert texts(page) == [text[:41] for text in before]
    reader.reach("slider", "Characters")
    reader.press("ArrowLeft")
    assert texts(page) == [text[:40] for text in before]
    reader.reach("combobox", "Choice")
    reader.press("ArrowDown")
    searched = texts(page)
    assert searched != [text[:40] for text in before]
    reader.press("ArrowUp")
    assert texts(page) == [text[:40] for text in before]
    reader.reach("combobox", "Sides")
    reader.press("ArrowDown")
    assert [len(text_of(page, side)) for side in (1, 2, 3)] == [40] * 3
    page.keyboard.press("Escape")
    assert reader.focused()[0] == "button"
    assert reader.focused()[1].startswith("More")
    assert page.locator("#more").get_attribute("aria-expanded") == "false"


def test_a_walk_in_a_text_moves_the_card(guest: Reader) -> None:
    page = guest.page
    guest.reach("textbox", "Text of model 2.*")
    for number in (2, 3, 4):  # the first is selected when the text gets the focus
        page.keyboard.press("ArrowRight")
        assert shown_character(page) == f"{number} of 60 the GPT's text"
    guest.press("Enter")
    held = page.locator("#side_2 .box")
    assert held.evaluate("box => box.classList.contains('locked')")
    guest.press("ArrowRight")
    assert shown_character(page) == "5 of 60 the GPT's text"
    assert held.evaluate("box => box.classList.contains('locked')")
    guest.reach("button", "Next character")
    guest.press("Enter")
    assert shown_character(page) == "6 of 60 the GPT's text"
    guest.reach("button", "Previous character", back=True)
    guest.press("Enter")
    assert shown_character(page) == "5 of 60 the GPT's text"


def test_a_branch_is_taken_and_undone(reader: Reader) -> None:
    page = reader.page
    before = texts(page)
    reader.reach("textbox", "Text of model 2.*")
    reader.press("ArrowRight", "ArrowRight", "ArrowRight", "Enter")
    reader.reach("button", ".+: .* raw .+")  # the row of what stands in the text
    assert reader.focused()[1].endswith("stands in the text")
    reader.press("Home")
    if reader.focused()[1].endswith("stands in the text"):
        reader.press("ArrowDown")
    char = page.evaluate("document.activeElement.querySelector('.chip').textContent")
    reader.press("Enter")
    branched = "ROMEO:\n" + before[1][:3] + {"␣": " ", "↵": "\n"}.get(char, char)
    assert prompt_of(page, 1) == prompt_of(page, 2) == branched
    assert page.locator("#prompt textarea").input_value() == branched
    assert texts(page) != before

    reader.reach("button", "Undo", back=True)
    reader.press("Enter")
    assert prompt_of(page, 2) == "ROMEO:\n"
    assert texts(page) == before
    reader.reach("button", "Redo")
    reader.press("Enter")
    assert prompt_of(page, 2) == branched


def test_a_held_character_is_let_go(guest: Reader) -> None:
    page = guest.page
    guest.reach("textbox", "Text of model 1.*")
    guest.press("ArrowRight", "Enter")
    box = page.locator("#side_1 .box")
    assert box.evaluate("box => box.classList.contains('locked')")
    guest.press("Escape")
    assert not box.is_visible()


def test_every_character_of_a_card_is_shown(guest: Reader) -> None:
    page = guest.page
    guest.reach("button", "show all 65")
    guest.press("Enter")
    assert page.locator("#card .row:not([hidden])").count() == 65
    guest.reach("button", ".*: .* raw .*", back=True)
    guest.press("End")
    assert page.evaluate("document.activeElement === document.querySelector('#card .rows').lastElementChild")


def test_a_run_is_stopped(visit: Visit) -> None:
    page = visit(characters=20)
    reader = Reader.of(page)
    reader.reach("button", "More.*")
    reader.press("Enter")
    reader.reach("spinbutton", "Characters")
    page.keyboard.press("Control+A")
    page.keyboard.type("2000")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#side_2 .text').textContent.length > 50")
    page.keyboard.press("Escape")
    reader.reach("button", "Stop", back=True)
    page.keyboard.press("Enter")
    idle(page)
    assert page.locator("#side_2 .text-panel").get_attribute("data-status") == "stopped"
    assert len(text_of(page, 2)) < 2000


def test_the_link_is_copied(guest: Reader) -> None:
    page = guest.page
    guest.reach("button", "Copy link")
    guest.press("Enter")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert "characters=60" in page.url
    assert page.get_by_text("The link is copied").is_visible()


def test_the_words_open_and_close(guest: Reader) -> None:
    page = guest.page
    guest.reach("button", "Words")
    page.keyboard.press("Enter")
    assert page.locator("#glossary").is_visible()
    assert guest.focused() == ("button", "Close")
    page.keyboard.press("Escape")
    assert not page.locator("#glossary").is_visible()
    assert guest.focused() == ("button", "Words")


def test_large_text_comes_and_goes(guest: Reader) -> None:
    page = guest.page

    def size() -> float:
        return float(page.locator("#side_1 .text").evaluate("text => parseFloat(getComputedStyle(text).fontSize)"))

    before = size()
    guest.reach("button", "Present")
    page.keyboard.press("Enter")
    assert size() >= 32
    page.keyboard.press("Enter")  # the focus has stayed, and the same key leads back
    assert size() == before
    page.keyboard.press("Enter")
    assert size() >= 32
    page.keyboard.press("Escape")
    assert size() == before


def test_look_inside_is_used(visit: Visit) -> None:
    """The map, the pictures, the text and the grid of switches are one tab stop each; arrow keys walk in them."""
    page = visit(characters=60, tab="inside")
    reader = Reader.of(page)
    reader.reach("textbox", "Text")
    page.keyboard.press("Control+A")
    page.keyboard.type("O, Romeo, Romeo")
    idle(page)
    assert page.locator("#heads .text").text_content() == "O, Romeo, Romeo"
    reader.reach("combobox", "Model")
    reader.reach("radio", "Layer 5, head 3: .*")
    reader.press("ArrowUp", "ArrowLeft")
    assert page.locator("#heads .name").inner_text() == "Layer 4, head 2"
    reader.reach("textbox", "Where every head looks: the text")
    reader.press("Home", "ArrowRight")
    assert page.locator("#why .count").inner_text() == "2 of 15"
    reader.press("Escape")
    reader.reach("grid", "Where every head looks: Layer 4, head 2")
    reader.press("End", "ArrowUp", "Home")
    assert "(row 14)" in page.locator("#heads .readout").inner_text()
    assert "(column 1)" in page.locator("#heads .readout").inner_text()
    assert page.locator("#why .count").inner_text() == "14 of 15"
    reader.press("Escape")
    assert page.locator("#why .count").inner_text() == "15 of 15"
    reader.reach("button", "Switch off head 1.1, .*")
    reader.press("ArrowDown", "ArrowRight", "Enter")
    assert page.locator("#written_again .subtitle").inner_text() == "without head 2.2"
    reader.reach("button", "Switch off all MLPs, .*")
    reader.reach("button", "No MLPs")
    reader.reach("spinbutton", "It may look back")
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    reader.press("Enter")
    assert page.locator("#written_again .subtitle").inner_text() == "without head 2.2, looks back at most 4 characters"
    reader.reach("button", "4 characters: 2.38 bits")
    reader.press("Home", "Enter")
    assert page.locator("#inside_context .box").input_value() == "1"


def test_the_tabs_are_opened(guest: Reader) -> None:
    page = guest.page
    for name, part in (("Look inside", "#attention_text"), ("Score", "#score_text"), ("Compare", "#prompt")):
        guest.reach("tab", name)
        guest.press("Enter")
        assert page.locator(part).is_visible()
        guest.reach("button", "Copy link")  # the tabs come first again
