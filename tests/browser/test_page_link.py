"""Links: the whole page in an address."""

from urllib.parse import urlsplit

import pytest
from conftest import Visit
from server import Server
from visitor import choose, click_character, idle, open_tab, selected, set_number, texts

pytestmark = pytest.mark.browser

SETTINGS = (
    "prompt", "temperature", "top_k", "top_p", "length", "seed", "model_1", "model_2", "attention_model", "layer",
    "head",
)  # fmt: skip


def test_a_link_outlives_the_server(visit: Visit, server: Server) -> None:
    page = visit(characters=90, complains=False)  # its server goes away
    page.locator("#prompt textarea").fill("A \\ “ & < + %41 ${x}\n  KING:\n")
    choose(page, "model_1", "Trigram")
    set_number(page, "temperature", 0.93)
    set_number(page, "top_k", 30)
    set_number(page, "seed", 4294967295)
    index = next(i for i, c in enumerate(texts(page)[1]) if c.isalpha())
    click_character(page, 2, index)
    open_tab(page, "Look inside")
    choose(page, "attention_model", "Self-attention")
    page.locator("#heads .thumb").nth(2).click()
    page.locator("#switches .switch[data-name='1.4']").click()
    idle(page)
    open_tab(page, "Compare")
    page.locator("#copy_link").click()
    idle(page)
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url

    def state(page) -> dict[str, object]:  # type: ignore[no-untyped-def]
        values = {}
        for name in SETTINGS[:8]:
            values[name] = page.locator(f"#{name}").locator(".box, .choice, .writing").input_value()
        values |= {"texts": texts(page), "selected": selected(page), "card": page.locator("#card .card").inner_text()}
        open_tab(page, "Look inside")
        values["attention_model"] = page.locator("#attention_model select").input_value()
        values["head"] = page.locator("#heads .thumb[aria-checked=true]").get_attribute("aria-label")
        values["off"] = page.locator("#switches .switch[aria-pressed=true]").all_inner_texts()
        return values

    expected = state(page)
    assert expected["selected"] == f"side_2.text.{index}"
    assert str(expected["head"]).startswith("Layer 1, head 3")
    assert "1.4" in str(expected["off"])
    page.goto("about:blank")
    server.stop()
    server.start()
    assert state(visit(link)) == expected


def test_malformed_values_give_a_message_and_the_default(visit: Visit) -> None:
    evil = "<img src=x onerror=hit>${ran}{{zap}}"
    query = dict.fromkeys(
        ("temperature", "top_k", "top_p", "characters", "seed", "method", "width", "sides", "colour", "model_1",
         "selected", "attention_model", "layer", "head", "tab"),
        evil,
    )  # fmt: skip
    page = visit(**query)
    messages = page.locator("#problems textarea").input_value().splitlines()
    assert len(messages) == len(query)
    assert all(message.startswith("In the link: ") and "The default stands." in message for message in messages)
    assert any("Temperature must be a number from 0 to 2" in message for message in messages)
    assert page.locator("#temperature input[type=number]").input_value() == "0.8"
    assert page.locator("#model_1 select").input_value() == "Bigram"
    assert [len(text) for text in texts(page)] == [300, 300]


def test_a_value_out_of_range(visit: Visit) -> None:
    page = visit(characters=10, temperature="nan", seed="4294967296", prompt="a" * 2001)
    messages = page.locator("#problems textarea").input_value().splitlines()
    assert len(messages) == 3
    assert all("The default stands." in message for message in messages)
    assert page.locator("#temperature input[type=number]").input_value() == "0.8"
    assert page.locator("#prompt textarea").input_value() == "ROMEO:\n"
    assert page.locator("#seed input").input_value() == "1"


REST = "model_1=bigram&model_2=gpt&model_3={}&model_4=self_attention&selected={}&attention_model={}{}&tab={}"
ADDRESSES = {
    "": "prompt=ROMEO%3A%0A&temperature=0.8&top_k=0&top_p=1&characters=300&seed=1&method=sample&width=4&sides=2&"
    + "colour=0&"
    + REST.format("trigram", "", "gpt", "", "compare"),
    "prompt=O%2C+%3Cb%3E%0AKING%3A&temperature=0.93&top_k=30&top_p=0.5&characters=40&seed=42": (
        "prompt=O%2C+%3Cb%3E%0AKING%3A&temperature=0.93&top_k=30&top_p=0.5&characters=40&seed=42&method=sample&width=4"
        "&sides=2&colour=0&" + REST.format("trigram", "", "gpt", "", "compare")
    ),
    "characters=20&sides=3&colour=2&model_3=mlp&method=beam&width=2&tab=score": (
        "prompt=ROMEO%3A%0A&temperature=0.8&top_k=0&top_p=1&characters=20&seed=1&method=beam&width=2&sides=3&colour=2&"
        + REST.format("mlp", "", "gpt", "", "score")
    ),
    "characters=30&selected=side_2.text.17&attention_model=self_attention&layer=1&head=3&tab=attention": (
        "prompt=ROMEO%3A%0A&temperature=0.8&top_k=0&top_p=1&characters=30&seed=1&method=sample&width=4&sides=2&colour=0&"
        + REST.format("trigram", "side_2.text.17", "self_attention", "&layer=1&head=3", "inside")
    ),
}


# What a link holds since then; every other key and value, and their order, are as they were recorded. The tab Attention
# has become "inside", and a link names layer and head only where the visitor chose them.
NEW_KEYS = ("score_text", "judge_1", "judge_2", "off", "context")


def recorded(url: str) -> str:
    """The query of an address without the keys that are newer than the record."""
    pairs = urlsplit(url).query.split("&")
    names = [pair.partition("=")[0] for pair in pairs]
    assert all(names.count(name) == 1 for name in NEW_KEYS)
    return "&".join(pair for pair, name in zip(pairs, names, strict=True) if name not in NEW_KEYS)


@pytest.mark.parametrize("query", ADDRESSES)
def test_the_address_is_what_it_was(query: str, visit: Visit, server: Server) -> None:
    """Recorded at commit e62cb47: a link that somebody saved must stay readable, so the page writes the same one."""
    page = visit(f"{server.url}/?{query}")
    assert recorded(page.evaluate("location.href")) == ADDRESSES[query]  # written after the run
    page.locator("#copy_link").click()
    idle(page)
    assert page.evaluate("navigator.clipboard.readText()") == page.evaluate("location.href")
    assert recorded(page.evaluate("location.href")) == ADDRESSES[query]
