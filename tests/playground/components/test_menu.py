"""What a menu is given to draw."""

import json

from blocks import in_blocks

from nanogpt.playground.components.menu import menu


def test_choices_travel_with_their_types() -> None:
    made = in_blocks(lambda: menu("sides", "Sides", [("two", 2), ("all", "all")], 2, "a hint", compact=True))
    assert made.value == 2
    assert json.loads(json.dumps(made.props["choices"])) == made.props["choices"] == [["two", 2], ["all", "all"]]
    assert (made.props["info"], made.props["compact"], made.props["disabled"]) == ("a hint", True, "")


def test_its_event_can_be_listened_to() -> None:
    in_blocks(lambda: menu("sides", "Sides", [], None).input(print))
