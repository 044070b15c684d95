"""What a text panel is given to draw."""

import json
import math

import pytest

from nanogpt.playground.components.text_panel import STATUSES, text_value


def test_the_value_is_json_with_the_bits_as_one_string() -> None:
    value = text_value(
        "GPT", "small", "RO", "ME", [2.57480000001, 0.000012345678], "10", 3, [("GPT needs", "5.19", "")], "So.", "done"
    )
    assert json.loads(json.dumps(value)) == {
        "title": "GPT",
        "subtitle": "small",
        "prompt": "RO",
        "text": "ME",
        "bits": "2.5748 1.2345678e-05",
        "shared": "10",
        "colour": 3,
        "stats": [["GPT needs", "5.19", ""]],
        "notice": "So.",
        "status": "done",
    }


def test_bits_are_optional_and_may_be_infinite() -> None:
    assert text_value("GPT", text="ME")["bits"] == ""
    assert text_value("GPT", text="ME", bits=[math.inf, math.nan])["bits"] == "inf nan"


def test_a_panel_without_a_run_has_no_key_for_it() -> None:
    assert "run" not in text_value("GPT")
    assert text_value("GPT", run="7")["run"] == "7"
    assert list(text_value("GPT", run="7")) == [*text_value("GPT"), "run"]


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_can_be_drawn(status: str) -> None:
    assert text_value("GPT", status=status)["status"] == status


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match=r"bits must hold one number per character of text, 2; got 3\."):
        text_value("GPT", text="ME", bits=[1, 2, 3])
    with pytest.raises(ValueError, match=r"shared must hold one digit per character of text, 2; got 1\."):
        text_value("GPT", text="ME", shared="1")
    with pytest.raises(ValueError, match=r"status must be one of idle, running, done, stopped; got 'error'\."):
        text_value("GPT", status="error")
