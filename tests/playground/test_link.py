"""Links are read name by name; what is malformed becomes a message."""

from typing import Any

import pytest

from nanogpt.playground.fields import FIELDS
from nanogpt.playground.link import read_link

READERS = {f.link_key: f.read_link for f in FIELDS}


def test_a_link_gives_back_every_value() -> None:
    values: dict[str, Any] = {
        "prompt": "A \\ “ & < + %41 ${x}\n", "temperature": 0.93, "top_k": 30, "top_p": 0.5, "characters": 90,
        "seed": 42, "method": "beam", "width": 3, "sides": 4, "colour": 2, "model_1": "mlp",
    }  # fmt: skip
    assert read_link({name: str(value) for name, value in values.items()}, READERS) == (values, [])


def test_a_refused_value_is_left_to_its_default() -> None:
    values, messages = read_link({"temperature": "nan", "seed": "3", "unknown": "x"}, READERS)
    assert values == {"seed": 3}
    assert messages == ["In the link: Temperature must be a number from 0 to 2; got nan. The default stands."]


@pytest.mark.parametrize("text", ["", "<img src=x>", "${x}", "\ud800", "9" * 9999, "--5", "null", "[]", "٣"])
def test_no_text_of_a_link_raises(text: str) -> None:
    values, messages = read_link(dict.fromkeys(READERS, text), READERS)
    assert len(values) + len(messages) == len(READERS)
    assert all(message.startswith("In the link: ") and message.isprintable() for message in messages)
