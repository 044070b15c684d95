"""What a dial is given to draw."""

import json

import pytest
from blocks import in_blocks

from nanogpt.playground.components.dial import dial


def test_the_script_knows_the_range() -> None:
    made = in_blocks(lambda: dial("heat", "Heat", minimum=0, maximum=2, step=0.01, value=0.8))
    assert made.value == 0.8
    assert json.loads(json.dumps(made.props)) == {
        "minimum": 0, "maximum": 2, "step": 0.01, "info": "", "slider": True, "disabled": "", "term": "",
    }  # fmt: skip


@pytest.mark.parametrize("event", ["input", "release"])
def test_its_events_can_be_listened_to(event: str) -> None:
    in_blocks(lambda: getattr(dial("n", "N", minimum=0, maximum=2, step=1, value=1), event)(print))
