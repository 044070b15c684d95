"""Endpoints whose settings are written out."""

import inspect
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import gradio as gr
import pytest
from written import answers_of

from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.signatures import with_settings


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


def test_a_refusal_of_a_streaming_endpoint_is_the_message_that_the_client_reads() -> None:
    told = []

    @with_settings(leave_out=[f.name for f in fields(SamplingParams)])
    async def given(fails: bool = True) -> AsyncIterator[int]:
        """A function."""
        try:
            yield 1
            if fails:
                raise TimeoutError("Stopped after 1 second.")
        finally:
            told.append("ended")

    assert answers_of(given, fails=False) == [1]
    with pytest.raises(gr.Error, match="Stopped after 1 second"):
        answers_of(given)
    assert told == ["ended", "ended"]
