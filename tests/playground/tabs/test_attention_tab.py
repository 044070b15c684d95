"""What the heatmap draws is what the model computes."""

import base64
from typing import Any

import numpy as np
import pytest
from blocks import in_blocks

from nanogpt.analysis.attention import attention
from nanogpt.playground.page import Page
from nanogpt.playground.tabs.attention_tab import MAX_READ, AttentionTab, fit, head_map, read_number, shape
from nanogpt.storage.zoo import Zoo


def test_the_map_holds_the_head_s_own_weights(zoo: Zoo) -> None:
    gpt = zoo.get("gpt")
    drawn = head_map(gpt, "To be, or", 3, 2)
    lower = np.frombuffer(base64.b64decode(str(drawn["weights"])), "<f4")
    expected = attention(gpt, "To be, or")[2, 1].numpy()
    assert np.array_equal(lower, expected[np.tril_indices(9)])
    assert drawn["title"] == "Layer 3, head 2"
    assert drawn["characters"] == list("To be, or")


def test_what_does_not_fit_or_is_not_known_is_left_out(zoo: Zoo) -> None:
    drawn = head_map(zoo.get("gpt"), "🙂" + "ab" * 200, 1, 1)
    assert drawn["characters"] == list("ab" * 128)
    assert drawn["subtitle"] == "GPT · the last 256 of 400 characters · 1 unknown left out"
    assert head_map(zoo.get("gpt"), "a", 1, 1)["subtitle"] == "GPT · 1 character"


@pytest.mark.parametrize(("name", "seen"), [("bigram", "only the last character."), ("mlp", "the last 8 characters.")])
def test_a_model_without_attention_says_what_it_sees(name: str, seen: str, zoo: Zoo) -> None:
    assert str(head_map(zoo.get(name), "a", 1, 1)["message"]).endswith(seen)


def test_without_a_text_there_is_a_sentence(zoo: Zoo) -> None:
    assert "Write some text" in str(head_map(zoo.get("gpt"), "🙂", 1, 1)["message"])


@pytest.mark.parametrize(
    ("text", "layer", "head", "message"),
    [
        ("a", 9, 1, "Layer must be a whole number from 1 to 5"),
        ("a", 1, 0, "Head must be a whole number from 1 to 4"),
        ("a" * (MAX_READ + 1), 1, 1, "Text to read is 4,001 characters; the limit is 4,000."),
        (None, 1, 1, "Text must be a string"),
    ],
)
def test_what_is_refused(text: Any, layer: Any, head: Any, message: str, zoo: Zoo) -> None:
    with pytest.raises(ValueError, match=message):
        head_map(zoo.get("gpt"), text, layer, head)


def test_the_menus_are_those_of_the_model(zoo: Zoo) -> None:
    assert shape(zoo, "gpt") == ([1, 2, 3, 4, 5], [1, 2, 3, 4])
    assert shape(zoo, "bigram") == shape(zoo, None) == ([1], [1])
    layer, head = fit(zoo, "self_attention", 4, 7)
    assert (layer.value, layer.props["disabled"]) == (1, "this model has one only")  # it has one layer only
    assert (head.value, head.props["disabled"]) == (7, "")


def test_a_link_names_model_layer_and_head(zoo: Zoo) -> None:
    def built() -> AttentionTab:
        tab = AttentionTab(Page(zoo))
        tab.link()
        return tab

    tab = in_blocks(built)
    assert list(tab.page.linked) == ["attention_text", "attention_model", "layer", "head"]
    assert tab.page.linked["attention_text"].read("A\nb") == "A\nb"
    assert tab.page.linked["head"].read("3") == 3
    assert tab.refit({}) == {}
    assert [menu.value for menu in tab.refit({"attention_model": "gpt", "layer": 2, "head": 9}).values()] == [2, 1]
    with pytest.raises(ValueError, match="Layer must be a whole number from 1 to 48; got x"):
        read_number("Layer", 1, 48, "x")
