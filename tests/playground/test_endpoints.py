"""The endpoints are the package's functions, with every sampling setting written out."""

import inspect
from dataclasses import fields
from typing import Any, get_type_hints

import gradio as gr
import pytest
from blocks import built

import nanogpt
from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.endpoints import endpoints, with_settings
from nanogpt.storage.zoo import Zoo


def test_sample_writes_what_generate_writes(zoo: Zoo) -> None:
    sample = endpoints(zoo)["sample"]
    expected = nanogpt.generate(
        zoo.get("mlp"), "ROMEO:\n", temperature=0.7, top_k=9, top_p=0.9, max_new_tokens=30, seed=4
    )
    assert sample("mlp", "ROMEO:\n", 0.7, 9, 0.9, 30, 4, 0) == expected  # by position, as Gradio calls it
    assert (
        sample(model="mlp", prompt="ROMEO:\n", temperature=0.7, top_k=9, top_p=0.9, max_new_tokens=30, seed=4)
        == expected
    )


def test_the_other_endpoints_are_their_functions(zoo: Zoo) -> None:
    found = endpoints(zoo)
    gpt = zoo.get("gpt")
    assert found["models"]() == zoo.names
    rows = nanogpt.alternatives(gpt, "O", " the", temperature=0.5)
    assert found["explain"]("gpt", "O", " the", 0.5) == [vars(row) for row in rows]
    said = found["score"]("gpt", "To be 🙂")
    assert said["text"] == "To be "
    assert "U+1F642" in said["left_out"]
    assert said["bits"] == nanogpt.score(gpt, "To be ").bits.tolist()
    assert said["total"] == sum(said["bits"])


def test_the_order_of_sample_s_parameters_stays(zoo: Zoo) -> None:
    """Clients may call by position."""
    names = list(inspect.signature(endpoints(zoo)["sample"]).parameters)
    assert names == ["model", "prompt", "temperature", "top_k", "top_p", "max_new_tokens", "seed", "beam"]


def test_every_endpoint_is_typed_and_documented(zoo: Zoo) -> None:
    def page() -> gr.Blocks:
        with gr.Blocks(analytics_enabled=False) as app:
            for name, function in endpoints(zoo).items():
                gr.api(function, api_name=name)
        return app

    documented = built(page).get_api_info()["named_endpoints"]
    for name, function in endpoints(zoo).items():
        parameters = inspect.signature(function).parameters
        assert set(get_type_hints(function)) == {*parameters, "return"}
        told = {p["parameter_name"]: p["parameter_default"] for p in documented[f"/{name}"]["parameters"]}
        assert told == {p.name: p.default for p in parameters.values()}
        assert all(f"{p}: " in (function.__doc__ or "") for p in parameters), name


def test_a_setting_that_is_left_out_is_no_parameter() -> None:
    @with_settings(leave_out=("seed",), temperature=1.5)
    def given(a: int = 1, *, b: int = 2, **settings: Any) -> dict[str, Any]:
        """A function."""
        return {"a": a, "b": b, **settings}

    names = [f.name for f in fields(SamplingParams) if f.name != "seed"]
    assert list(inspect.signature(given).parameters) == ["a", *names, "b"]
    assert given()["temperature"] == 1.5
    with pytest.raises(TypeError):
        given(seed=3)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("sample", {"model": "../.."}, "Unknown model"),
        ("sample", {"temperature": float("nan")}, "Temperature must be a number from 0 to 2; got nan."),
        ("sample", {"prompt": "a" * 2001}, "Prompt is 2,001 characters; the limit is 2,000."),
        ("sample", {"beam": 9}, "Beam width must be a whole number from 0 to 8"),
        ("explain", {"top_p": 0}, "Top-p must be a number above 0 and at most 1"),
        ("score", {"text": ""}, "no character that the model knows"),
        ("trace", {"seed": -1}, "Seed must be a whole number"),
    ],
)
def test_a_refusal_is_the_message_that_the_client_reads(
    name: str, values: dict[str, Any], message: str, zoo: Zoo
) -> None:
    with pytest.raises(gr.Error, match=message):
        endpoints(zoo)[name](**values)
