"""The tab answers with what the library computes, and a link restores it."""

from typing import Any

import gradio as gr
import pytest
from blocks import in_blocks
from runs import DEFAULTS

from nanogpt.playground.fields import FIELDS
from nanogpt.playground.inside import heads_of, read_subject, why_of
from nanogpt.playground.page import Page
from nanogpt.playground.tabs.compare_tab import CompareTab
from nanogpt.playground.tabs.inside_tab import InsideTab, read_number, read_off
from nanogpt.storage.zoo import Zoo

VALUES = [DEFAULTS[f.name] for f in FIELDS]


@pytest.fixture(scope="module")
def tab(zoo: Zoo) -> InsideTab:
    def built() -> InsideTab:
        page = Page(zoo)
        compare = CompareTab(page)
        compare.wire()
        tab = InsideTab(page)
        tab.link()
        return tab

    found: InsideTab = in_blocks(built)
    return found


def asked(**changes: Any) -> list[Any]:
    given = {"text": "To be", "model": "gpt", "off": [], "context": 256, "begun": None, "layer": None, "head": None}
    return [*{**given, **changes}.values(), *VALUES]


class Chosen:
    """The event of a component, as Gradio hands it over."""

    def __init__(self, **data: Any):
        self._data = data


def test_the_answers_are_those_of_the_library(tab: InsideTab, zoo: Zoo) -> None:
    subject = read_subject(zoo, "To be", "gpt", ["5.3"], 4, None)
    heads, why = tab.read(*asked(off=["5.3"], context=4))
    assert heads == heads_of(subject, 0, 0)
    assert (why.value, why.props["dependence"]) == (why_of(subject), None)
    told = tab.depend(*asked(off=["5.3"], context=4))
    assert told.props["dependence"]["count"] == 5


def test_a_chosen_head_is_sent_exactly_once(tab: InsideTab) -> None:
    sent, layer, head = tab.exact(Chosen(layer=2, head=3, exact=False), *asked())
    assert (layer, head) == (2, 3)
    assert (sent.props["exact"]["layer"], sent.props["exact"]["head"]) == (2, 3)
    skipped, layer, head = tab.exact(Chosen(layer=2, head=3, exact=True), *asked())
    assert (skipped, layer, head) == (gr.skip(), 2, 3)
    with pytest.raises(gr.Error, match="Layer must be a whole number"):
        tab.exact(Chosen(layer="<b>", head=3, exact=False), *asked())


def test_an_experiment_sets_parts_and_context(tab: InsideTab) -> None:
    off, context = tab.experiment("gpt", Chosen(index=0))
    assert (len(off), context) == (20, 256)
    assert tab.experiment("gpt", Chosen(index=4)) == ([], 1)
    with pytest.raises(gr.Error, match="Experiment must be a whole number from 0 to 4"):
        tab.experiment("gpt", Chosen(index=5))
    assert tab.whole_context("nanogpt-cpu") == 64
    assert tab.choose_context(Chosen(context=8)) == 8


def test_another_model_has_everything_on(tab: InsideTab) -> None:
    switches, context, layer, head, name = tab.refit("self_attention")
    assert (switches.value, switches.props["layers"], switches.props["mlps"]) == ([], 1, False)
    assert (context.value, layer, head, name) == (256, None, None, "self_attention")


def test_what_is_refused_is_said(tab: InsideTab) -> None:
    for change, said in (({"model": "x"}, "Unknown model"), ({"off": ["9.9"]}, "Parts to switch off")):
        with pytest.raises(gr.Error, match=said):
            tab.read(*asked(**change))


def test_a_link_restores_what_fits_the_model(tab: InsideTab) -> None:
    update = tab.refit_for_link(
        {"attention_model": "gpt", "off": ["5.3", "9.mlp"], "context": 999, "layer": 2, "head": 3}
    )
    assert (update[tab.switches].value, update[tab.context].value) == (["5.3"], 256)
    assert tab.layer not in update
    beyond = tab.refit_for_link({"attention_model": "self_attention", "layer": 4, "head": 1})
    assert (beyond[tab.layer], beyond[tab.head]) == (None, None)
    assert tab.refit_for_link({}) == {}
    names = ["attention_text", "attention_model", "layer", "head", "off", "context"]
    assert list(tab.page.linked)[-6:] == names


def test_what_a_link_may_name(tab: InsideTab) -> None:
    assert read_off("5.3,1.mlp") == ["5.3", "1.mlp"]
    assert read_off("") == []
    with pytest.raises(ValueError, match=r"heads such as 5\.3, and MLPs such as 5\.mlp; got \\x3cb"):
        read_off("5.3,<b>")
    with pytest.raises(ValueError, match="Layer must be a whole number from 1 to 48; got x"):
        read_number("Layer", 1, 48, "x")
    assert tab.page.linked["attention_text"].read("A\nb") == "A\nb"
