"""Look inside, on the whole page: what is shown is what the models compute, and what is switched is written again."""

import math
import random
import re

import pytest
import torch
from conftest import Visit
from playwright.sync_api import Page
from server import CHECKPOINTS
from torch import Tensor
from visitor import choose, enter_number, generate, idle, open_tab, text_of

import nanogpt
from nanogpt.models.layers import CausalSelfAttention

pytestmark = pytest.mark.browser

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


def hover(page: Page, row: int, column: int, characters: int) -> str:
    """Point at a cell of the large map; return what is said of it."""
    box = page.locator("#heads .plot").bounding_box()
    assert box is not None
    size = box["width"] / characters
    page.mouse.move(box["x"] + (column + 0.5) * size, box["y"] + (row + 0.5) * size)
    page.evaluate("() => new Promise(requestAnimationFrame)")
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
        weight, shown = expected[row, column].item(), said.rpartition(":")[2].strip()
        percent = float(shown.split()[0]) / (100 if shown.endswith("%") else 1)
        assert abs(percent - weight) <= 0.51 * 10 ** (math.floor(math.log10(weight)) - 2), (row, column, shown)
    assert "future" in hover(page, 3, 20, len(text))
    # A click locks the cell: moving changes nothing, the views agree, Esc lets go.
    hover(page, 20, 5, len(text))
    page.mouse.down()
    page.mouse.up()
    assert hover(page, 30, 2, len(text)).find("(row 21)") >= 0
    assert page.locator("#why .count").inner_text() == f"21 of {len(text)}"
    page.keyboard.press("Escape")
    assert "(row 31)" in hover(page, 30, 2, len(text))


def test_parts_are_switched_off_and_the_text_is_written_again(visit: Visit) -> None:
    """A switch, an experiment, the dial and everything on; and the address brings all of it back."""
    gpt = nanogpt.load(CHECKPOINTS / "gpt")
    page = visit(height=1600, characters=60, tab="inside")
    settled(page)

    def written() -> str:
        return str(page.locator("#written_again .text").evaluate("node => node.textContent"))

    how = {"max_new_tokens": 60, "seed": 1}
    original = nanogpt.generate(gpt, "ROMEO:\n", **how)
    assert page.locator("#as_it_is .text").evaluate("node => node.textContent") == original == text_of(page, 2)
    before = page.locator("#why .why").inner_text()
    page.locator("#switches .switch[data-name='5.3']").click()
    settled(page)
    assert written() == nanogpt.generate(nanogpt.without(gpt, "5.3"), "ROMEO:\n", **how)
    assert re.search(r"Without head 5\.3: \+0\.0\d bits a character", page.locator("#switches .result").inner_text())
    assert page.locator("#heads .thumb.off").count() == 1
    enter_number(page, "inside_context", 8)
    settled(page)
    assert written() == nanogpt.generate(nanogpt.without(gpt, "5.3"), "ROMEO:\n", context=8, **how)

    other = visit(height=1600, characters=60, tab="inside")  # somebody else sees nothing of it
    settled(other)
    assert other.locator("#why .why").inner_text() == before

    page.reload()
    settled(page)
    assert written() == nanogpt.generate(nanogpt.without(gpt, "5.3"), "ROMEO:\n", context=8, **how)
    assert page.locator("#switches .switch[data-name='5.3']").get_attribute("aria-pressed") == "true"
    page.locator("#switches .experiment", has_text="No attention").click()
    settled(page)
    assert written() == nanogpt.generate(nanogpt.without(gpt, "attention"), "ROMEO:\n", **how)
    assert page.locator("#inside_context .box").input_value() == "256"
    page.locator("#switches .reset").click()
    settled(page)
    assert written() == ""
    assert page.locator("#why .why").inner_text() == before


def test_a_head_is_chosen_and_its_numbers_become_exact(visit: Visit, shell) -> None:  # type: ignore[no-untyped-def]
    """And the offered command prints what is shown."""
    page = visit(height=1200, characters=40, tab="inside")
    settled(page)
    page.locator("#heads .thumb").nth(9).click()
    settled(page)
    assert page.locator("#heads .name").inner_text() == "Layer 3, head 2"
    said = hover(page, 30, 12, 47)
    page.mouse.down()
    page.mouse.up()
    settled(page)
    assert "≈" not in said
    page.locator("#inside_takeaway button").first.click()
    command = page.locator("#inside_command textarea").input_value()
    first = command[: command.index("\npython -m nanogpt sample")]
    assert "--position 30 --head 3.2" in " ".join(first.replace("--", " --").split()) or "--position 30" in first
    printed = shell(first)
    percent = float(said.rpartition(":")[2].split()[0])
    assert f"{percent / 100:.3g}" in printed
    together = page.locator("#why .difference").inner_text().replace("−", "-")
    assert f"{float(together):+.1f}"[:4] in printed


def test_n_grams_say_what_they_do_instead(visit: Visit) -> None:
    page = visit(characters=20, tab="inside")
    settled(page)
    for title in ("Bigram", "MLP"):
        choose(page, "attention_model", title)
        settled(page)
        assert f"The {title} has no" in page.locator("#heads .message").inner_text()
        assert "no heads and no MLPs" in page.locator("#switches .reason").inner_text()
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
    idle(page)
    assert page.locator("#attention_text textarea").input_value() == "My own text"
    page.locator("#attention_text textarea").fill("")
    open_tab(page, "Compare")
    open_tab(page, "Look inside")
    assert page.locator("#attention_text textarea").input_value() == "Tell me\n" + text_of(page, 2)
