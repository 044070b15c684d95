"""What the switches are given to draw."""

import json
from typing import Any

import pytest
from blocks import in_blocks

from nanogpt.playground.components.switches import switches


def test_the_script_knows_the_parts_and_their_costs() -> None:
    tries: Any = [{"name": "<b>", "off": ["attention"], "context": 0, "watch": "Watch."}]
    made = in_blocks(
        lambda: switches("s", "S", layers=2, heads=3, mlps=True, costs={"1.1": 0.5}, experiments=tries, result="r")
    )
    assert made.value == []
    assert json.loads(json.dumps(made.props)) == {
        "layers": 2, "heads": 3, "mlps": True, "costs": {"1.1": 0.5}, "result": "r", "disabled": "",
        "experiments": [{"name": "<b>", "off": ["attention"], "watch": "Watch."}],
    }  # fmt: skip
    empty = in_blocks(lambda: switches("s", "S", disabled="no layers")).props
    assert (empty["layers"], empty["costs"], empty["experiments"], empty["disabled"]) == (0, {}, [], "no layers")


@pytest.mark.parametrize("event", ["input", "experiment"])
def test_its_events_can_be_listened_to(event: str) -> None:
    in_blocks(lambda: getattr(switches("s", "S"), event)(print))
