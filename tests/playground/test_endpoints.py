"""The endpoints are the package's functions, with every sampling setting written out."""

import inspect
import json
import math
from itertools import pairwise
from typing import Any, get_type_hints

import gradio as gr
import pytest
import torch
from blocks import built
from torch.nn.functional import cross_entropy
from written import ENGINE, answers_of, asked

import nanogpt
from nanogpt.analysis.draws import read_logits
from nanogpt.analysis.figures import stored_figures
from nanogpt.playground.comparison import Comparer
from nanogpt.playground.endpoints import endpoints
from nanogpt.storage.zoo import Zoo


def test_sample_writes_what_generate_writes(zoo: Zoo) -> None:
    sample = asked(zoo)["sample"]
    expected = nanogpt.generate(
        zoo.get("mlp"), "ROMEO:\n", temperature=0.7, top_k=9, top_p=0.9, max_new_tokens=30, seed=4
    )
    assert sample("mlp", "ROMEO:\n", 0.7, 9, 0.9, 30, 4, 0) == expected  # by position, as Gradio calls it
    assert (
        sample(model="mlp", prompt="ROMEO:\n", temperature=0.7, top_k=9, top_p=0.9, max_new_tokens=30, seed=4)
        == expected
    )


def test_a_run_is_streamed(zoo: Zoo) -> None:
    sample = endpoints(zoo, Comparer(zoo, ENGINE))["sample"]
    texts = answers_of(sample, model="gpt", prompt="ROMEO:\n", max_new_tokens=1000)
    assert len(texts) > 2
    assert all(later.startswith(text) for text, later in pairwise(texts))
    assert texts[-1] == nanogpt.generate(zoo.get("gpt"), "ROMEO:\n", max_new_tokens=1000)


@pytest.mark.parametrize("beam", [0, 2])
def test_models_are_compared_with_one_luck(beam: int, zoo: Zoo) -> None:
    found = asked(zoo)["compare"](["bigram", "gpt"], "O 🙂", max_new_tokens=30, seed=4, beam=beam)
    for side, name in zip(found, ("bigram", "gpt"), strict=True):
        model = zoo.get(name)
        read = model.read_prompt("O 🙂")
        assert (side["model"], side["prompt"], side["notices"]) == (name, read.text, read.notices)
        assert "U+1F642" in side["notices"][0]
        assert side["text"] == nanogpt.generate(model, read, max_new_tokens=30, seed=4, beam=beam)
        ids = torch.tensor(model.tokenizer.encode(side["text"]))
        bits = cross_entropy(read_logits(model, read.text, side["text"]), ids, reduction="none") / math.log(2)
        assert side["bits"] == pytest.approx(bits.tolist(), rel=1e-3, abs=1e-3)


def test_the_other_endpoints_are_their_functions(zoo: Zoo) -> None:
    found = asked(zoo)
    gpt = zoo.get("gpt")
    assert found["models"]() == zoo.names
    rows = nanogpt.alternatives(gpt, "O", " the", temperature=0.5)
    assert found["explain"]("gpt", "O", " the", 0.5) == [vars(row) for row in rows]
    said = found["score"]("gpt", "To be 🙂")
    assert said["text"] == "To be "
    assert "U+1F642" in said["left_out"]
    assert said["bits"] == nanogpt.score(gpt, "To be ").bits.tolist()
    assert said["total"] == sum(said["bits"])


def test_parts_that_are_off_and_a_context(zoo: Zoo) -> None:
    found = asked(zoo)
    edited = nanogpt.without(zoo.get("gpt"), "5.3 2.mlp")
    values = {"off": "5.3 2.mlp", "context": 16}
    expected = nanogpt.generate(edited, "ROMEO:\n", max_new_tokens=30, context=16)
    assert found["sample"](prompt="ROMEO:\n", max_new_tokens=30, **values) == expected
    assert found["score"](text="To be", **values)["bits"] == nanogpt.score(edited, "To be", 16).bits.tolist()


def test_attention_is_the_head_s_weights(zoo: Zoo) -> None:
    attention = asked(zoo)["attention"]
    text = "To be, or not to be 🙂"
    expected = nanogpt.attention(nanogpt.without(zoo.get("gpt"), "1"), "To be, or not to be ", 8)[4, 2]
    found = json.loads(attention("gpt", text, "5.3", "1", 8))
    assert (found["model"], found["head"], found["text"]) == ("gpt", "5.3", "To be, or not to be ")
    for t, row in enumerate(found["weights"]):
        assert row == pytest.approx(expected[t, : t + 1].tolist(), rel=1e-4)
    long = json.loads(attention("gpt", "ab" * 200))
    assert (long["text"], len(long["weights"])) == ("ab" * 128, 256)


def test_inspect_is_what_python_tells(zoo: Zoo) -> None:
    inspect_moment = asked(zoo)["inspect"]
    gpt = zoo.get("gpt")
    prompt, run = "ROMEO:\n", {"temperature": 0.9, "seed": 5}
    text = prompt + nanogpt.generate(gpt, prompt, max_new_tokens=12, **run)
    edited = nanogpt.without(gpt, "3.1")
    found = inspect_moment("gpt", text, 9, "3.1", 16, len(prompt), **run)
    assert found["votes"] == nanogpt.votes(edited, text, 9, context=16).parts
    guesses = nanogpt.lens(edited, text, 9, context=16)
    assert [row["p"] for row in found["lens"]] == [guess.p for guess in guesses]
    effects = nanogpt.dependence(edited, text, 9, context=16, beginning=len(prompt), **run)
    assert [row["next_p"] for row in found["dependence"]] == [effect.p_without for effect in effects]
    whole = inspect_moment("gpt", text, 9, beginning=len(prompt), **run)
    assert whole["choice"] == whole["next"] == text[10]  # with its own luck the run writes what it wrote


@pytest.mark.parametrize("name", ["gpt", "self_attention", "bigram"])
def test_figures_are_the_stored_ones(name: str, zoo: Zoo) -> None:
    figures = stored_figures(zoo.get(name))
    assert figures is not None
    found = asked(zoo)["figures"](name)
    assert found == figures.to_json()
    assert json.loads(json.dumps(found)) == found
    assert {head["part"] for head in found["heads"]} <= set(found["without"])


def test_where_nothing_was_measured_the_command_is_named(tiny_zoo: Zoo) -> None:
    with pytest.raises(gr.Error, match="of bigram: python -m nanogpt analyse bigram measures it"):
        asked(tiny_zoo)["figures"]("bigram")


def test_the_order_of_sample_s_parameters_stays(zoo: Zoo) -> None:
    """Clients may call by position."""
    names = list(inspect.signature(endpoints(zoo, Comparer(zoo))["sample"]).parameters)
    before = ["model", "prompt", "temperature", "top_k", "top_p", "max_new_tokens", "seed", "beam"]
    assert names == [*before, "off", "context"]


def test_every_endpoint_is_typed_and_documented(zoo: Zoo) -> None:
    def page() -> gr.Blocks:
        with gr.Blocks(analytics_enabled=False) as app:
            for name, function in endpoints(zoo, Comparer(zoo)).items():
                gr.api(function, api_name=name)
        return app

    documented = built(page).get_api_info()["named_endpoints"]
    for name, function in endpoints(zoo, Comparer(zoo)).items():
        parameters = inspect.signature(function).parameters
        assert set(get_type_hints(function)) == {*parameters, "return"}
        told = {p["parameter_name"]: p["parameter_default"] for p in documented[f"/{name}"]["parameters"]}
        assert told == {p.name: p.default for p in parameters.values()}
        assert all(f"{p}: " in (function.__doc__ or "") for p in parameters), name


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("sample", {"model": "../.."}, "Unknown model"),
        ("compare", {"models": "gpt"}, "Models must be a list of 1 to 4 names; got gpt."),
        ("compare", {"models": ["gpt"] * 5}, "Models must be a list of 1 to 4 names"),
        ("compare", {"models": ["gpt", None]}, "Unknown model None; the models are"),
        ("compare", {"models": ["gpt"], "beam": -1}, "Beam width must be a whole number from 0 to 8"),
        ("sample", {"beam": 9}, "Beam width must be a whole number from 0 to 8"),
        ("explain", {"top_p": 0}, "Top-p must be a number above 0 and at most 1"),
        ("score", {"text": ""}, "no character that the model knows"),
        ("score", {"text": "a" * 2001}, "Text to score is 2,001 characters; the limit is 2,000."),
        ("explain", {"text": "a" * 2001}, "Text is 2,001 characters; the limit is 2,000."),
        ("explain", {"text": ["a"]}, "Text must be a string; got list."),
        ("attention", {"text": "abc", "head": ["1.1"]}, "Heads are 1.1 to 5.4"),
        ("trace", {"seed": -1}, "Seed must be a whole number"),
        ("sample", {"off": "9.1"}, "Parts to switch off are 1.1 to 5.mlp"),
        ("sample", {"off": ["1.1"]}, "Parts to switch off must be a text"),
        ("sample", {"context": 1.5}, "Context must be a whole number from 0"),
        ("score", {"text": "a", "context": -1}, "Context must be a whole number from 0"),
        ("attention", {"text": "abc", "head": "1.mlp"}, "Heads are 1.1 to 5.4"),
        ("attention", {"text": "abc", "model": "bigram"}, "The Bigram has no layers: it reads only the last character"),
        ("attention", {"text": "a" * 4001}, "Text is 4,001 characters; the limit is 4,000."),
        ("attention", {"text": 3}, "Text must be a string; got int"),
        ("inspect", {"text": ""}, "no character that the model knows"),
        ("inspect", {"text": "abc", "position": 3}, "Position must be a whole number from -3 to 2; got 3."),
        ("inspect", {"text": "abc", "position": None}, "Position must be a whole number"),
        ("inspect", {"text": "abc", "beginning": 4}, "Beginning must be a whole number from 0 to 3; got 4."),
        ("inspect", {"text": "abc", "model": "mlp"}, "The MLP has no attention"),
        ("figures", {"model": "../gpt"}, "Unknown model"),
        ("figures", {"off": ["5.3"]}, "Parts to switch off must be a text"),
        ("figures", {"off": "9.9"}, "Parts to switch off are"),
        ("inspect", {"text": "abc", "off": 5}, "Parts to switch off must be a text"),
    ],
)
def test_a_refusal_is_the_message_that_the_client_reads(
    name: str, values: dict[str, Any], message: str, zoo: Zoo
) -> None:
    with pytest.raises(gr.Error, match=message):
        asked(zoo)[name](**values)
