"""Look inside, on the whole page: what is shown is what the models compute, and what is switched is written again."""

import json
import math
import os
import random
import re
from collections.abc import Callable

import pytest
import torch
from conftest import Visit
from playwright.sync_api import Locator, Page
from server import CHECKPOINTS
from torch import Tensor
from visitor import choose, enter_number, generate, idle, loaded, open_tab, text_of

import nanogpt
from nanogpt.models.layers import CausalSelfAttention

pytestmark = pytest.mark.browser

FRAME = "() => new Promise(requestAnimationFrame)"
DRAWN = "document.querySelector('#heads .heads')?.ariaBusy === 'false'"


@torch.no_grad()
def explicit_attention(name: str, text: str, layer: int, head: int) -> Tensor:
    """(T, T) weights of one head, in float64 and by the formula, not by the project's functions."""
    model, tokenizer = nanogpt.load(CHECKPOINTS / name, pack=False)
    model.double()
    part = [m for m in model.modules() if isinstance(m, CausalSelfAttention)][layer - 1]
    inputs: list[Tensor] = []
    part.register_forward_pre_hook(lambda _, given: inputs.append(given[0][0]))
    model(torch.tensor([tokenizer.encode(text)]))
    T, C = inputs[0].shape
    size = C // part.n_head
    both = inputs[0] @ part.c_attn.weight[: 2 * C].T
    if part.c_attn.bias is not None:
        both = both + part.c_attn.bias[: 2 * C]
    q, k = both[:, (head - 1) * size : head * size], both[:, C + (head - 1) * size : C + head * size]
    scale = 1 / math.sqrt(size)
    if part.qk_norm:
        q, k = q / q.norm(dim=-1, keepdim=True), k / k.norm(dim=-1, keepdim=True)
        scale = 0.12 * math.sqrt(128 * size)
    if part.rotary is not None:  # pairs of numbers as complex ones, turned by their place
        angle = torch.arange(T)[:, None] * 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
        turn = torch.polar(torch.ones_like(angle), angle)
        q, k = (
            torch.view_as_real(torch.complex(*x.chunk(2, -1)) * turn).movedim(-1, -2).reshape(T, size) for x in (q, k)
        )
    scores = (q @ k.T * scale).exp().tril()
    return scores / scores.sum(-1, keepdim=True)


def settled(page: Page) -> None:
    idle(page)
    page.wait_for_function(DRAWN)


def glyph(character: str) -> str:
    """How a character is shown in the reasons."""
    return {"\n": "↵", " ": "␣"}.get(character, character)


def weight_in(said: str) -> float:
    """The figure at the end of what is said of a cell."""
    shown = said.rpartition(":")[2].strip()
    return float(shown.split()[0]) / (100 if shown.endswith("%") else 1)


def number_in(part: Locator) -> float:
    return float(part.inner_text().replace("−", "-"))


def same_to_three_digits(shown: float, weight: float) -> bool:
    return abs(shown - weight) <= 0.51 * 10 ** (math.floor(math.log10(weight)) - 2)


def looked_at(page: Page) -> tuple[int, str]:
    """The index of the marked letter of the text, and what the reasons say of it."""
    marked = page.locator("#heads .text").evaluate(
        "node => Array.from(node.children).findIndex((letter) => letter.matches('.looks'))"
    )
    return marked, page.locator("#why .count").inner_text()


def hover(page: Page, row: int, column: int, characters: int) -> str:
    """Point at a cell of the large map; return what is said of it."""
    box = page.locator("#heads .plot").bounding_box()
    assert box is not None
    size = box["width"] / characters
    page.mouse.move(box["x"] + (column + 0.5) * size, box["y"] + (row + 0.5) * size)
    page.evaluate(FRAME)
    return page.locator("#heads .readout").inner_text()


@pytest.mark.parametrize(("name", "layer", "head"), [("gpt", 3, 4), ("self_attention", 1, 3)])
def test_a_hover_tells_the_weight(name: str, layer: int, head: int, visit: Visit) -> None:
    page = visit(height=1200, characters=40, tab="attention", attention_model=name, layer=layer, head=head)
    settled(page)
    text = page.locator("#attention_text textarea").input_value()
    assert text == "ROMEO:\n" + text_of(page, 2)
    expected = explicit_attention(name, text, layer, head)
    cells = random.Random(layer)
    for _ in range(12):
        row = cells.randrange(len(text))
        column = cells.randrange(row + 1)
        said = hover(page, row, column, len(text))
        assert f"(row {row + 1}) looks at" in said
        assert f"(column {column + 1})" in said
        assert same_to_three_digits(weight_in(said), expected[row, column].item()), (row, column, said)
    assert "future" in hover(page, 3, 20, len(text))
    # A click locks the cell: moving changes nothing, the views agree, Esc lets go.
    hover(page, 20, 5, len(text))
    page.mouse.down()
    page.mouse.up()
    assert "(row 21)" in hover(page, 30, 2, len(text))
    assert looked_at(page) == (20, f"21 of {len(text)}")
    page.keyboard.press("Escape")
    assert "(row 31)" in hover(page, 30, 2, len(text))
    # The same position, whichever view is pointed at.
    page.locator("#heads .text span").nth(10).hover()
    page.evaluate(FRAME)
    assert "(row 11)" in page.locator("#heads .readout").inner_text()
    assert looked_at(page) == (10, f"11 of {len(text)}")
    assert page.locator("#why .moment .of-next").inner_text() == glyph(text[11])


def test_parts_are_switched_off_and_the_text_is_written_again(visit: Visit) -> None:
    """A switch, the dial, an experiment and everything on; nobody else sees it; the address brings it back."""
    gpt = nanogpt.load(CHECKPOINTS / "gpt")
    page = visit(height=1600, characters=60, tab="inside")
    settled(page)

    def written() -> str:
        return str(page.locator("#written_again .text").evaluate("node => node.textContent"))

    how = {"max_new_tokens": 60, "seed": 1}
    original = nanogpt.generate(gpt, "ROMEO:\n", **how)
    assert page.locator("#as_it_is .text").evaluate("node => node.textContent") == original == text_of(page, 2)
    before = page.locator("#why .why").inner_text()
    result = page.locator("#switches .result")
    enter_number(page, "inside_context", 8)
    settled(page)
    assert written() == nanogpt.generate(gpt, "ROMEO:\n", context=8, **how)
    assert "Looks back at most 8 characters: +" in result.inner_text()
    assert page.locator("#inside_curve .now").inner_text().startswith("8 characters: 2.")
    page.locator("#switches .switch[data-name='5.3']").click()
    settled(page)
    assert written() == nanogpt.generate(nanogpt.without(gpt, "5.3"), "ROMEO:\n", context=8, **how)
    assert re.search(r"Without head 5\.3, looks .*: \+\d\.\d\d bits a character", result.inner_text())
    assert page.locator("#heads .thumb.off").count() == 1

    other = visit(height=1600, characters=60, tab="inside")  # somebody else sees nothing of it
    settled(other)
    assert other.locator("#why .why").inner_text() == before
    assert other.locator("#switches [data-name][aria-pressed=true]").count() == 0

    page.reload()
    loaded(page)
    settled(page)
    assert written() == nanogpt.generate(nanogpt.without(gpt, "5.3"), "ROMEO:\n", context=8, **how)
    assert page.locator("#switches .switch[data-name='5.3']").get_attribute("aria-pressed") == "true"
    page.locator("#switches .experiment", has_text="No attention").click()
    settled(page)
    assert written() == nanogpt.generate(nanogpt.without(gpt, "attention"), "ROMEO:\n", **how)
    assert page.locator("#inside_context .box").input_value() == "256"
    assert "Watch what needs a longer memory" in page.locator("#switches .watch").inner_text()
    page.locator("#switches .reset").click()
    settled(page)
    assert written() == ""
    assert page.locator("#why .why").inner_text() == before


def test_the_offered_commands_print_what_is_shown(visit: Visit, shell: Callable[[str], str]) -> None:
    """Another head is chosen, a part is off, a cell is locked: the numbers are exact, and the same at the prompt."""
    page = visit(height=1200, characters=40, tab="inside", off="5.1")
    settled(page)
    page.locator("#heads .thumb").nth(9).click()
    settled(page)
    assert page.locator("#heads .name").inner_text() == "Layer 3, head 2"
    for _ in range(100):  # the exact head comes after the pictures of all
        hover(page, 31, 12, 47)
        if "≈" not in (said := hover(page, 30, 12, 47)):
            break
        page.wait_for_timeout(100)
    page.mouse.down()
    page.mouse.up()
    settled(page)
    assert "≈" not in said
    page.locator("#inside_takeaway button").first.click()
    inspect, _, others = page.locator("#inside_command textarea").input_value().partition("\npython -m nanogpt sample")
    found = json.loads(shell(inspect + " --json"))
    assert (found["position"], glyph(found["next"])) == (30, page.locator("#why .moment .of-next").inner_text())
    assert same_to_three_digits(weight_in(said), found["attention"]["3.2"][12]), said
    assert number_in(page.locator("#why .difference")) == pytest.approx(found["difference"], abs=0.006)
    votes = {name: vote for name, vote in found["votes"].items() if name not in ("input", "rest")}
    largest = max(votes, key=lambda name: abs(votes[name]))
    words = f"MLP {largest[0]}" if largest.endswith("mlp") else f"head {largest}"
    row = page.locator("#why .votes .row", has_text=words).first
    assert number_in(row.locator(".vote")) == pytest.approx(votes[largest], abs=0.006)
    sample, _ = ("python -m nanogpt sample" + others).rsplit("\n", 1)
    assert page.locator("#written_again .text").evaluate("node => node.textContent") in shell(sample)


@pytest.mark.skipif("NANOGPT_DATA" not in os.environ, reason="needs the corpus at NANOGPT_DATA")
def test_the_offered_measurement_prints_the_price_that_is_shown(visit: Visit, shell: Callable[[str], str]) -> None:
    page = visit(height=1200, characters=40, tab="inside", off="5.1")
    settled(page)
    page.locator("#switches .result", has_text="in place of").wait_for()  # the price comes last
    page.locator("#inside_takeaway button").first.click()
    analyse = page.locator("#inside_command textarea").input_value().rsplit("\n", 1)[1]
    cost = re.search(r"bits a character, (\d\.\d\d) in place of", page.locator("#switches .result").inner_text())
    measured = re.search(r"^bits +(\d\.\d+)$", shell(analyse), re.MULTILINE)
    assert cost is not None
    assert measured is not None
    assert float(cost[1]) == pytest.approx(float(measured[1]), abs=0.00501)


def test_all_of_it_by_touch_on_a_phone(visit: Visit) -> None:
    page = visit(window=390, height=844, characters=60, tab="inside")
    settled(page)

    def tap(part: Locator, x: float = 0.5, y: float = 0.5) -> None:
        """Tap a part at a share of its width and height."""
        part.scroll_into_view_if_needed()
        box = part.bounding_box()
        assert box is not None
        page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
        settled(page)

    tap(page.locator("#heads .thumb").nth(4))
    assert page.locator("#heads .name").inner_text() == "Layer 2, head 1"
    tap(page.locator("#heads .text span").nth(20))
    assert looked_at(page) == (20, "21 of 67")
    tap(page.locator("#heads .plot"), 0.1, 0.9)
    index, count = looked_at(page)
    assert abs(index - 60) <= 1
    assert count == f"{index + 1} of 67"
    tap(page.locator("#heads .tools input[value=linear]"))
    assert page.locator("#heads .tools input[value=linear]").is_checked()
    tap(page.locator("#switches .experiment", has_text="No MLPs"))
    assert page.locator("#written_again .subtitle").inner_text() == "without all MLPs"
    tap(page.locator("#switches .reset"))
    tap(page.locator("#inside_curve .point").nth(3))
    assert page.locator("#written_again .subtitle").inner_text().startswith("looks back at most")
    tap(page.locator("#inside_takeaway button").first)
    assert "--context" in page.locator("#inside_command textarea").input_value()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_n_grams_say_what_they_do_instead(visit: Visit) -> None:
    page = visit(characters=20, tab="inside")
    settled(page)
    for title in ("Bigram", "MLP"):
        choose(page, "attention_model", title)
        settled(page)
        assert f"The {title} has no" in page.locator("#heads .message").inner_text()
        assert "no heads and no MLPs" in page.locator("#switches .reason").inner_text()
        assert not page.locator("#inside_curve .plot").is_visible()
    choose(page, "attention_model", "Self-attention")
    settled(page)
    assert page.locator("#heads .thumb").count() == 8
    assert page.locator("#heads .message").inner_text() == ""


def test_a_visitor_s_own_text_is_kept_and_linked(visit: Visit) -> None:
    page = visit(characters=20)
    page.locator("#prompt textarea").fill("Tell me\n")
    generate(page)
    open_tab(page, "Look inside")
    assert page.locator("#attention_text textarea").input_value() == "Tell me\n" + text_of(page, 2)
    assert "attention_text" not in page.url  # the run of the link writes it again
    page.locator("#attention_text textarea").fill("My own text")
    idle(page)
    open_tab(page, "Compare")
    generate(page)
    open_tab(page, "Look inside")
    assert page.locator("#attention_text textarea").input_value() == "My own text"
    page.reload()
    loaded(page)
    assert page.locator("#attention_text textarea").input_value() == "My own text"
    page.locator("#attention_text textarea").fill("")
    open_tab(page, "Compare")
    open_tab(page, "Look inside")
    assert page.locator("#attention_text textarea").input_value() == "Tell me\n" + text_of(page, 2)
