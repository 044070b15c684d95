"""The table of controls: every row builds its component, checks its values and reads its link."""

from typing import Any

import pytest
from blocks import in_blocks

from nanogpt.generation.continuation import generate
from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.fields import FIELDS, SETTINGS, Field, decimal, integer, without_effect
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo

BY_NAME = {f.name: f for f in FIELDS}


def test_every_sampling_setting_has_one_control() -> None:
    assert sorted(f.param for f in FIELDS if f.param) == sorted(SETTINGS)


def test_names_and_link_keys_are_distinct() -> None:
    assert len({f.name for f in FIELDS}) == len({f.link_key for f in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_a_component_starts_with_a_value_that_its_row_allows(field: Field) -> None:
    component = in_blocks(field.build)
    assert (component.elem_id, component.label) == (field.name, field.title)
    assert field.check(component.value) == component.value


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
def test_a_menu_offers_only_what_its_row_allows(field: Field) -> None:
    for _, value in in_blocks(field.build).props.get("choices", []):
        assert field.check(value) == value


def test_every_control_has_its_place() -> None:
    at = {place: [f.name for f in FIELDS if f.place == place] for place in ("bar", "more", "panel")}
    assert sum(map(len, at.values())) == len(FIELDS)
    assert at["bar"] == ["prompt", "temperature"]
    assert at["panel"] == [f"model_{i}" for i in range(1, 5)]


def test_what_beam_search_ignores_changes_no_text(zoo: Zoo) -> None:
    bigram = zoo.get("bigram")
    text = generate(bigram, "ROMEO", beam=2, max_new_tokens=9)
    useless = without_effect("beam", 1)
    assert set(useless) == {f.name for f in FIELDS if f.param} - {"length"}
    for name in useless:
        low = in_blocks(BY_NAME[name].build).props["minimum"]
        assert generate(bigram, "ROMEO", beam=2, max_new_tokens=9, **{BY_NAME[name].param: low}) == text


def test_what_sampling_ignores_changes_no_run() -> None:
    assert list(without_effect("sample", 1)) == ["width"]
    values = [in_blocks(f.build).value for f in FIELDS]
    width = [f.name for f in FIELDS].index("width")
    assert Run.of([*values[:width], 8, *values[width + 1 :]]).beam == Run.of(values).beam == 0


@pytest.mark.parametrize("model", ["bigram", "gpt"])
def test_what_temperature_0_ignores_changes_no_text(model: str, zoo: Zoo) -> None:
    text = generate(zoo.get(model), "ROMEO", temperature=0, max_new_tokens=20)
    useless = set(without_effect("sample", 0)) - {"width"}
    assert useless == {"top_k", "top_p", "seed"}
    for name in useless:
        other = {"top_k": 5, "top_p": 0.4, "seed": 77}[name]
        assert generate(zoo.get(model), "ROMEO", temperature=0, max_new_tokens=20, **{name: other}) == text


def test_a_control_starts_disabled_if_it_has_no_effect() -> None:
    first = BY_NAME["method"].build
    reasons = without_effect(in_blocks(first).value, in_blocks(BY_NAME["temperature"].build).value)
    for field in FIELDS:
        assert in_blocks(field.build).props["disabled"] == reasons.get(field.name, "")


@pytest.mark.parametrize("field", [f for f in FIELDS if f.param], ids=lambda f: f.name)
def test_a_slider_offers_only_what_the_setting_allows(field: Field) -> None:
    """Once the range stood here and in SamplingParams, and could differ."""
    component = in_blocks(field.build)
    for end in (component.props["minimum"], component.props["maximum"]):
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
