"""The page never lies: what stands in a control wrote the text, or the text is marked out of date."""

import random
import shlex

import pytest
from conftest import Visit
from playwright.sync_api import Page
from server import CHECKPOINTS
from visitor import texts

import nanogpt

pytestmark = pytest.mark.browser

OPTIONS = {"temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "length": "max_new_tokens", "seed": "seed"}
ENTRIES = ("", "e", "-", "1.5", "0", "-3", "99999", "1e9", "0.01", "2", "0.5", "7", "40", "12", "00", "1e", "+", ".")
PASTED = ("MENENIUS:\n", "O, ", "", "x" * 2001, "<b>{{7}}</b>", "To be")
KEYS = ("Enter", "Tab", "ArrowUp", "ArrowDown", "Escape", "")
# Nothing is asked for, and nothing runs, for a moment longer than the page waits before it asks.
SETTLED = """() => {
  const now = performance.now();
  if (window.traffic.pending.size || document.documentElement.classList.contains("running")) window.settled = now;
  window.settled ??= now;
  return now - window.settled > 60 && (window.settled = undefined, true);
}"""


def run_of_the_command(page: Page) -> dict[str, str]:
    """The options of the command that the page shows."""
    words = shlex.split(page.locator("#command textarea").input_value())[4:]
    options: dict[str, str] = {}
    while words:
        word = words.pop(0)
        name, given, value = word.removeprefix("--").partition("=")
        options[name] = value if given else words.pop(0)
    return options


def boxes(page: Page) -> dict[str, str]:
    """What stands in the controls, as the visitor reads it."""
    shown = {name: page.locator(f"#{name} input[type=number]").evaluate("box => box.value") for name in OPTIONS}
    return {**shown, "prompt": page.locator("#prompt textarea").input_value()}


def out_of_date(page: Page) -> list[str]:
    """What the panels say about it."""
    return [text for text in page.locator("#texts .stale").all_inner_texts() if text.strip()]


def enter(page: Page, chance: random.Random) -> str:
    """Change one control as a visitor might; what was done, in words."""
    name = chance.choice([*OPTIONS, "prompt", "model_2"])
    if name == "model_2":
        model = chance.choice(["bigram", "trigram", "mlp"])
        page.locator("#model_2 select").select_option(index=["bigram", "trigram", "mlp"].index(model))
        return f"model_2 {model}"
    entry = chance.choice(PASTED if name == "prompt" else ENTRIES)
    key = chance.choice(KEYS)
    box = page.locator(f"#{name} textarea" if name == "prompt" else f"#{name} input[type=number]")
    box.focus()
    page.keyboard.press("Control+a")
    if name == "prompt" or chance.random() < 0.3:
        page.keyboard.insert_text(entry)  # as a paste arrives
        if not entry:
            page.keyboard.press("Delete")
    else:
        page.keyboard.press("Delete")
        page.keyboard.type(entry)
    if key:
        page.keyboard.press(key)
    return f"{name} {entry[:20]!r} {key}"


def test_every_entry_either_writes_the_text_or_marks_it(visit: Visit) -> None:
    chance = random.Random(7)
    page = visit(characters=30, model_1="bigram", model_2="trigram")
    page.locator("#more").click()
    page.locator("#takeaway button").first.click()
    for number in range(80):
        done = enter(page, chance)
        if not page.locator("#more_panel").is_visible():  # Escape closes it
            page.locator("#more").click()
        page.wait_for_function(SETTLED, polling=20)
        run, shown, marked = run_of_the_command(page), boxes(page), out_of_date(page)
        if marked:
            continue
        same = {name: float(shown[name] or "nan") == float(run[option]) for name, option in OPTIONS.items()}
        assert all(same.values()), (number, done, shown, run)
        assert shown["prompt"] == run["prompt"], (number, done)
        settings = {"temperature": float(run["temperature"]), "top_p": float(run["top_p"])}
        settings |= {name: int(run[name]) for name in ("top_k", "seed", "max_new_tokens")}
        loaded = nanogpt.load(CHECKPOINTS / run["model"])
        assert texts(page)[1] == nanogpt.generate(loaded, loaded.read_prompt(run["prompt"]), **settings), (number, done)
