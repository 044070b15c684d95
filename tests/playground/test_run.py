"""A run: the controls' values, checked, whatever a client posts."""

from typing import Any

import pytest
from runs import run_with

from nanogpt.playground.fields import FIELDS
from nanogpt.playground.run import PACES, Run, read_request

CHOSEN: dict[str, Any] = {
    "temperature": 0.7, "top_k": 20, "top_p": 0.9, "length": 40, "seed": 3, "count": 3, "colour": 2, "model_4": "quick",
}  # fmt: skip


def run_of(**changed: Any) -> Run:
    return run_with(**{**CHOSEN, **changed})


def test_every_value_arrives() -> None:
    run = run_of()
    assert (run.prompt, run.method, run.width, run.colour) == ("ROMEO:\n", "sample", 4, 2)
    assert vars(run.params) == {"temperature": 0.7, "top_k": 20, "top_p": 0.9, "max_new_tokens": 40, "seed": 3}
    assert run.names == ["bigram", "gpt", "mlp"]  # three sides


def test_a_beam_is_searched_only_by_the_method_beam() -> None:
    assert run_of().beam == 0
    assert run_of(method="beam", width=5).beam == 5


def test_a_colour_of_a_side_that_is_not_shown_is_the_last_side_s() -> None:
    assert run_of(count=2, colour=4).colour == 2


@pytest.mark.parametrize("name", [f.name for f in FIELDS if not f.name.startswith("model_")])
@pytest.mark.parametrize("value", [None, [], {"a": 1}, float("nan")], ids=repr)
def test_junk_is_refused_with_a_sentence(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        run_of(**{name: value})


@pytest.mark.parametrize(
    "request_",
    [
        [],
        "x",
        {},
        {"id": 0, "pace": "whole"},
        {"id": "1", "pace": "whole"},
        {"id": 1, "pace": "x"},
        {"id": 1, "pace": []},
    ],
    ids=repr,
)
def test_a_request_is_an_id_and_a_pace(request_: Any) -> None:
    """Once a request without them raised KeyError."""
    assert [read_request({"id": 7, "pace": pace}) for pace in PACES] == [(7, pace) for pace in PACES]
    with pytest.raises(ValueError, match="must be"):
        read_request(request_)


def test_a_request_with_too_few_values_is_refused() -> None:
    with pytest.raises(ValueError):
        Run.of(["ROMEO:\n", 0.8])
