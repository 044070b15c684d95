"""What stands on the Compare tab, built without a server."""

import pytest
from blocks import in_blocks

from nanogpt.playground.fields import FIELDS, MAX_SIDES
from nanogpt.playground.page import Page
from nanogpt.playground.stage import Stage, by_sides, refitted
from nanogpt.storage.zoo import Zoo


@pytest.fixture(scope="module")
def stage(zoo: Zoo) -> Stage:
    return in_blocks(lambda: Stage(Page(zoo)))


def test_every_field_has_its_control(stage: Stage) -> None:
    assert list(stage.controls) == [f.name for f in FIELDS]
    assert [stage.controls[f.name].elem_id for f in FIELDS] == [f.name for f in FIELDS]


def test_the_first_models_are_the_ones_to_compare(stage: Stage, zoo: Zoo) -> None:
    assert [stage.controls[f"model_{i}"].value for i in (1, 2)] == ["bigram", "gpt"]
    assert all(menu in stage.page.menus for menu in (stage.controls["model_1"], stage.controls["model_4"]))
    assert len(stage.panels) == MAX_SIDES


@pytest.mark.parametrize("count", [2, 3, 4])
def test_what_depends_on_the_number_of_sides(count: int, stage: Stage) -> None:
    parts = by_sides(stage)
    *columns, colour, which, showing = refitted(stage, count, 3)
    assert len(parts) == len(columns) + 3
    assert [column.visible for column in columns] == [i < count for i in range(MAX_SIDES)]
    assert [value for _, value in colour.props["choices"]] == list(range(count + 1))
    assert [value for _, value in which.props["choices"]] == list(range(1, count + 1))
    assert [value for _, value in showing.props["choices"]] == list(range(count + 1))
    assert (which.value, colour.value) == (count, min(3, count))
