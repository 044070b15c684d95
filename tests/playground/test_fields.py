"""The table of controls: every row builds its component, checks its values and reads its link."""

from typing import Any

import pytest
from blocks import in_blocks

from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.fields import FIELDS, SETTINGS, Field, decimal, integer

BY_NAME = {f.name: f for f in FIELDS}


def test_every_sampling_setting_has_one_control() -> None:
    assert sorted(f.param for f in FIELDS if f.param) == sorted(SETTINGS)


def test_names_and_link_keys_are_distinct() -> None:
    assert len({f.name for f in FIELDS}) == len({f.link_key for f in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_a_component_starts_with_a_value_that_its_row_allows(field: Field) -> None:
    component = in_blocks(field.build)
    assert component.elem_id == field.name
    assert field.check(component.value) == component.value


@pytest.mark.parametrize("field", [f for f in FIELDS if f.param], ids=lambda f: f.name)
def test_a_slider_offers_only_what_the_setting_allows(field: Field) -> None:
    """Once the range stood here and in SamplingParams, and could differ."""
    component = in_blocks(field.build)
    for end in (component.minimum, component.maximum):
        assert getattr(SamplingParams(**{field.param: end}), field.param) == end
        assert field.check(end) == end


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.5), ("temperature", "hot"), ("temperature", float("nan")), ("top_k", -1), ("top_k", 2.5),
        ("top_p", 0), ("length", 2001), ("seed", 2**32), ("method", "greedy"), ("method", []), ("width", 9),
        ("count", 1), ("colour", 5), ("prompt", "a" * 2001), ("prompt", None), ("prompt", "\ud800"), ("count", None),
    ],
)  # fmt: skip
def test_what_a_row_refuses(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|limit is|not valid Unicode"):
        BY_NAME[name].check(value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.93", 0.93),
        ("length", "90", 90),
        ("count", "4", 4),
        ("method", "beam", "beam"),
        ("prompt", "a\n", "a\n"),
        ("model_2", "gpt", "gpt"),
    ],
)
def test_what_a_link_says_becomes_a_value(name: str, text: str, value: Any) -> None:
    assert BY_NAME[name].read_link(text) == value


@pytest.mark.parametrize("text", ["--5", "", "-", "1e3", "٣x", "9" * 30, "0x10", "1_000"])
def test_what_is_no_whole_number_is_refused_by_our_own_words(text: str) -> None:
    """Once `?seed=--5` showed Python's own message."""
    with pytest.raises(ValueError, match="Seed must be a whole number from 0 to 4,294,967,295"):
        BY_NAME["seed"].read_link(text)


def test_numbers_of_a_link() -> None:
    assert integer("-7") == -7
    assert decimal("1e-1") == 0.1
    assert decimal("x") == integer("x") == "x"
