"""The card of a character: its figures are the API's, and a click on one goes on from there."""

import math
import random
import re
from typing import Any

import pytest
from conftest import Api, Visit
from playwright.sync_api import Page
from server import CHECKPOINTS
from visitor import click_character, idle, prompt_of, selected, texts

import nanogpt
from nanogpt.generation.sampling import gumbel_noise

pytestmark = pytest.mark.browser

CARD = """() => Array.from(document.querySelectorAll("#card .row"), (row) => ({
  name: row.ariaLabel, written: row.classList.contains("written"), cut: row.classList.contains("cut"),
  bars: Array.from(row.querySelectorAll(".bars i"), (bar) => parseFloat(bar.style.width)),
  log: row.querySelector(".log").textContent, noise: row.querySelector(".noise").textContent,
  sum: row.querySelector(".sum").textContent,
}))"""
HEAD = """([count, owner]) => document.querySelector("#card .count").textContent.startsWith(count)
  && document.querySelector("#card .owner").textContent === owner"""
NAMES = {" ": "space", "\n": "newline", "\t": "tab"}
TITLES = ("Bigram", "GPT")


def hold(page: Page, side: int, index: int) -> None:
    """Hold any character, a newline too, as a link does."""
    page.locator(f"#side_{side} .text-panel").evaluate(
        "(panel, index) => panel.dispatchEvent(new CustomEvent('hold', {detail: {part: 'text', index}}))", index
    )


def reading(page: Page, side: int, index: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the card once it explains that character: at first, and all."""
    hold(page, side, index)
    page.wait_for_function(HEAD, arg=[f"{index + 1} of ", f"the {TITLES[side - 1]}'s text"], polling=20)
    first = page.evaluate(CARD)
    page.locator("#card .toggle").evaluate("button => button.click()")
    page.wait_for_function("document.querySelectorAll('#card .row').length > 10", polling=20)
    return first, page.evaluate(CARD)


def agrees(shown: str, p: float) -> bool:
    """Is "0.012 %" this probability, to the digits that are shown?"""
    digits = shown.removesuffix(" %")
    mantissa, _, exponent = digits.partition("e")
    step = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(float(digits) - 100 * p) <= 0.5001 * step


def percentage(name: str, words: str) -> str:
    """What a row says of itself after these words, as "0.012 %"."""
    (figure,) = re.findall(rf"{re.escape(words)} ([0-9.e-]+ %)", name)
    return str(figure)


def number(shown: str) -> float:
    return float(shown.replace("−", "-"))


def test_the_figures_are_the_api_s(visit: Visit, api: Api) -> None:
    settings = {"temperature": 0.7, "top_k": 20, "top_p": 0.95}
    page = visit(characters=120, seed=3, **settings)
    models, written = ("bigram", "gpt"), texts(page)
    tokenizer = nanogpt.load(CHECKPOINTS / "gpt").tokenizer
    noise = gumbel_noise(3, 120, tokenizer.vocab_size)
    places = [(side, index) for side in (1, 2) for index in range(120)]
    for side, index in random.Random(1).sample(places, 15):
        first, shown = reading(page, side, index)
        assert [row["name"] for row in first] == [row["name"] for i, row in enumerate(shown) if i < 8 or row["written"]]
        said = {"prompt": "ROMEO:\n", "text": written[side - 1][:index]}
        own = api("/explain", model=models[side - 1], **said, **settings)
        other = {row["char"]: row["raw"] for row in api("/explain", model=models[2 - side], **said)}
        for share in ("raw", "tempered", "kept"):
            assert abs(sum(row[share] for row in own) - 1) <= 1e-6
        assert len(shown) == len(own) == 65
        for drawn, row in zip(shown, own, strict=True):
            name, expected = drawn["name"], [row["raw"], other[row["char"]]]
            assert name.startswith(NAMES.get(row["char"], row["char"]) + ":")
            assert drawn["bars"] == pytest.approx([100 * p for p in expected], rel=1e-4, abs=1e-4)
            for title, p in zip((TITLES[side - 1], TITLES[2 - side]), expected, strict=True):
                assert agrees(percentage(name, f"{title}, raw"), p), (name, title, p)
            assert agrees(percentage(name, "temperature 0.7"), row["tempered"]), (name, row["tempered"])
            assert drawn["written"] == (row["char"] == written[side - 1][index])
            assert drawn["cut"] == ("cut" in name.split(", ")) == (drawn["sum"] == "cut") == (row["kept"] == 0)
            if not drawn["cut"]:
                assert agrees(percentage(name, "after cut"), row["kept"]), (name, row["kept"])
            log, luck = math.log(row["tempered"]), noise[index, tokenizer.encode(row["char"])[0]].item()
            sums = [] if drawn["cut"] else [(drawn["sum"], log + luck)]
            for figure, value in [(drawn["log"], log), (drawn["noise"], luck), *sums]:
                assert abs(number(figure) - value) <= 0.00501, (name, figure, value)
        drawable = [row for row in shown if not row["cut"]]
        assert max(drawable, key=lambda row: number(row["sum"]))["written"]
        (bits,) = [-math.log2(row["raw"]) for row in own if row["char"] == written[side - 1][index]]
        for place in (f"#side_{side} .description .rest", "#card .after"):
            (figures,) = re.findall(r"([0-9.e-]+) bits", page.locator(place).inner_text())
            step = 0.01 if bits >= 0.1 else 10.0 ** (math.floor(math.log10(bits)) - 1)
            assert abs(float(figures) - bits) <= 0.501 * step, (place, figures, bits)
        assert selected(page) == f"side_{side}.text.{index}"


def test_branch_undo_redo_are_byte_equal(visit: Visit) -> None:
    page = visit(characters=100)
    before = texts(page)
    index = next(i for i, c in enumerate(before[1]) if i > 10 and c.isalpha())
    click_character(page, 2, index)
    assert selected(page) == f"side_2.text.{index}"
    alternative = page.locator("#card .row:not(.written)").first
    character = alternative.locator(".chip").inner_text()
    alternative.click()
    idle(page)
    branched = texts(page)
    said = {"␣": " ", "↵": "\n"}.get(character, character)
    assert prompt_of(page, 1) == prompt_of(page, 2) == "ROMEO:\n" + before[1][:index] + said
    assert branched != before

    page.locator("#undo").click()
    idle(page)
    assert prompt_of(page, 2) == page.locator("#prompt textarea").input_value() == "ROMEO:\n"
    assert texts(page) == before
    page.locator("#redo").click()
    idle(page)
    assert texts(page) == branched
