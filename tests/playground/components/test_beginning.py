"""What the box of the beginning is given to draw."""

from blocks import in_blocks

from nanogpt.playground.components.beginning import beginning
from nanogpt.text.prompt import MAX_PROMPT


def test_the_script_knows_the_examples_and_the_limit() -> None:
    made = in_blocks(lambda: beginning("prompt", "Beginning", "a\n", ("a\n", "${b}"), "Enter runs"))
    assert made.value == "a\n"
    assert made.props["examples"] == ["a\n", "${b}"]
    assert (made.props["most"], made.props["info"]) == (MAX_PROMPT, "Enter runs")


def test_its_events_can_be_listened_to() -> None:
    def listen() -> None:
        made = beginning("prompt", "Beginning", "", [])
        made.input(print)
        made.submit(print)

    in_blocks(listen)
