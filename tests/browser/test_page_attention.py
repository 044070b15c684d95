"""Attention: what the tooltip says is what the model computes."""

import math
import random

import pytest
import torch
from conftest import Visit
from playwright.sync_api import Page
from server import CHECKPOINTS
from torch import Tensor
from visitor import choose, generate, idle, open_tab, text_of

import nanogpt
from nanogpt.models.layers import CausalSelfAttention

pytestmark = pytest.mark.browser

AXIS = 22  # CSS pixels that the characters take along the top and the left


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


def hover(page: Page, row: int, column: int, characters: int) -> str:
    """Point at a cell; return the tooltip."""
    frame = page.locator("#attention_map .map")
    box = frame.bounding_box()
    assert box is not None
    width, left, top = frame.evaluate("node => [node.clientWidth, node.clientLeft, node.clientTop]")
    size = (width - AXIS) / characters
    page.mouse.move(box["x"] + left + AXIS + (column + 0.5) * size, box["y"] + top + AXIS + (row + 0.5) * size)
    return page.locator("#attention_map .tooltip").inner_text()


@pytest.mark.parametrize(("name", "layer", "head"), [("gpt", 1, 2), ("gpt", 3, 4), ("self_attention", 1, 3)])
def test_a_hover_tells_the_weight(name: str, layer: int, head: int, visit: Visit) -> None:
    page = visit(characters=40, tab="attention", attention_model=name, layer=layer, head=head)
    text = page.locator("#attention_text textarea").input_value()
    assert text == "ROMEO:\n" + text_of(page, 2)
    expected = explicit_attention(name, text, layer, head)
    page.locator("#attention_map .map").scroll_into_view_if_needed()
    page.set_viewport_size({"width": 1280, "height": 1800})  # the whole map in sight
    cells = random.Random(layer)
    for _ in range(12):
        row = cells.randrange(len(text))
        column = cells.randrange(row + 1)
        tooltip = hover(page, row, column, len(text))
        assert tooltip.startswith(f"row {row + 1} “"), tooltip
        assert f"looks at column {column + 1} “" in tooltip
        weight, shown = expected[row, column].item(), float(tooltip.split("weight ")[1])
        assert abs(shown - weight) <= 0.51 * 10 ** (math.floor(math.log10(weight)) - 2), (row, column)
    for row, column in ((0, 1), (3, 20), (10, len(text) - 1)):
        tooltip = hover(page, row, column, len(text))
        assert f"row {row + 1} " in tooltip
        assert tooltip.endswith("· future"), tooltip


def test_n_grams_say_that_they_have_no_attention(visit: Visit) -> None:
    page = visit(characters=20)
    open_tab(page, "Attention")
    for title in ("Bigram", "Trigram"):
        choose(page, "attention_model", title)
        assert f"The {title} has no attention" in page.locator("#attention_map .message").inner_text()
        assert not page.locator("#attention_map .map").is_visible()
    choose(page, "attention_model", "GPT")
    assert page.locator("#attention_map .map").is_visible()


def test_opening_the_tab_takes_the_new_text(visit: Visit) -> None:
    page = visit(characters=20)
    page.locator("#prompt textarea").fill("Tell me\n")
    generate(page)
    open_tab(page, "Attention")
    assert page.locator("#attention_text textarea").input_value() == "Tell me\n" + text_of(page, 2)


def test_the_whole_new_text_is_taken_and_the_map_says_what_it_shows(visit: Visit) -> None:
    page = visit(characters=300, tab="attention")
    assert page.locator("#attention_text textarea").input_value() == "ROMEO:\n" + text_of(page, 2)
    assert page.locator("#attention_map .subtitle").inner_text() == "GPT · the last 256 of 307 characters"
    assert "to label one row and column in" in page.locator("#attention_map .hint").inner_text()
    assert "attention_text" not in page.url  # the run of the link writes it again


def test_a_visitor_s_own_text_is_kept_and_linked(visit: Visit) -> None:
    page = visit(characters=20)
    open_tab(page, "Attention")
    page.locator("#attention_text textarea").fill("My own text")
    idle(page)
    open_tab(page, "Compare")
    generate(page)
    open_tab(page, "Attention")
    assert page.locator("#attention_text textarea").input_value() == "My own text"
    page.reload()
    idle(page)
    assert page.locator("#attention_text textarea").input_value() == "My own text"
    assert page.locator("#attention_map .hint").inner_text().endswith("let go.")  # every row has its character
    page.locator("#attention_text textarea").fill("")
    open_tab(page, "Compare")
    open_tab(page, "Attention")
    assert page.locator("#attention_text textarea").input_value() == "ROMEO:\n" + text_of(page, 2)
