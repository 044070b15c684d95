"""Refusals reach the visitor; our own mistakes do not."""

import gradio as gr
import pytest

from nanogpt.playground.limits import AT_ONCE, MODEL_LIMIT, QUIET, refused


def test_a_refusal_becomes_its_message() -> None:
    with pytest.raises(gr.Error) as caught, refused():
        raise ValueError("Seed must be a whole number.")
    assert caught.value.message == "Seed must be a whole number."
    assert caught.value.title == "Refused"


def test_any_other_error_is_left_as_it_is() -> None:
    with pytest.raises(KeyError), refused():
        raise KeyError("ours")


def test_what_asks_no_model_does_not_wait_for_one() -> None:
    assert AT_ONCE == {**QUIET, "queue": False}
    assert not AT_ONCE.keys() & MODEL_LIMIT.keys()
