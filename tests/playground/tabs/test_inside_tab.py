"""The tab answers with what the library computes, and a link restores it."""

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from blocks import in_blocks
from runs import DEFAULTS
from written import ENGINE

from nanogpt.playground.fields import FIELDS
from nanogpt.playground.inside import heads_of, read_subject, why_of
from nanogpt.playground.page import Page
from nanogpt.playground.reproduction import commands_and_calls
from nanogpt.playground.rewriting import cost_in_words, curve_of, original_panel, rewritten_panel
from nanogpt.playground.run import Run
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


def test_the_text_is_written_as_it_is_and_again(tab: InsideTab, zoo: Zoo) -> None:
    run = Run.of(VALUES)
    before = tab.write(*asked(off=["5.3"]))
    subject = read_subject(zoo, "To be", "gpt", ["5.3"], 256, None)
    assert before == original_panel(ENGINE, subject, run, zoo.names)
    after = tab.rewrite(*asked(off=["5.3"]), before)
    assert after == rewritten_panel(ENGINE, subject, run, zoo.names, before["text"])
    for nothing in (None, {}):
        assert tab.rewrite(*asked(context=1), nothing)["text"]


def test_the_price_and_the_curve(tab: InsideTab, zoo: Zoo) -> None:
    switches, curve = tab.price(*asked(off=["5.3"]))
    subject = read_subject(zoo, "To be", "gpt", ["5.3"], 256, None)
    assert switches.props["result"] == cost_in_words(subject)
    assert "value" not in switches.constructor_args  # the visitor's switches stay as they are
    assert curve == curve_of(zoo, subject)


def test_commands_name_the_page_s_own_address(tab: InsideTab, zoo: Zoo) -> None:
    request = SimpleNamespace(headers={"origin": "http://here"}, base_url="http://other")
    subject = read_subject(zoo, "To be", "gpt", [], 7, None)
    expected = commands_and_calls(subject, Run.of(VALUES), 2, None, None, "http://here")
    assert tab.take_away(request, 2, *asked(context=7)) == expected
    assert "http://here" in expected[1]
    for position in (-1, "<b>", 1.5):
        with pytest.raises(gr.Error, match="Position must be a whole number"):
            tab.take_away(request, position, *asked())


@pytest.mark.parametrize("name", ["bigram", "trigram", "mlp"])
def test_a_model_without_layers_says_so_everywhere(name: str, tab: InsideTab, zoo: Zoo) -> None:
    switches, context, *_ = tab.refit(name)
    assert switches.props["disabled"]
    assert context.props["disabled"]
    given = {"model": name, "context": zoo.get(name).block_size}
    heads, why = tab.read(*asked(**given))
    assert heads["message"]
    assert why.value["message"]
    assert tab.depend(*asked(**given)).props["dependence"] is None
    assert len(tab.write(*asked(**given))["text"]) == 300  # it writes as it does on the Compare tab
    with pytest.raises(gr.Error, match="Experiment must be"):
        tab.experiment(name, Chosen(index=0))
