"""One colour for each model, and colours that can be read in both modes."""

import re
from pathlib import Path

import pytest

import nanogpt.playground.components
from nanogpt.playground.colours import COLOURS, colour_of
from nanogpt.storage.zoo import Zoo

SHEET = (Path(nanogpt.playground.components.__file__).parent / "shared.css").read_text(encoding="utf-8")
GROUNDS = {"light": "#ffffff", "dark": "#1c1c24"}  # the panels' backgrounds in theme.py
LETTERS = {"light": "#27272a", "dark": "#f4f4f5"}


def test_each_model_of_the_page_has_a_colour_of_its_own(zoo: Zoo) -> None:
    assert [colour_of(zoo.names, name) for name in zoo.names] == list(range(1, 1 + len(zoo.names)))


def test_more_models_than_colours_start_again_and_an_unknown_one_has_none() -> None:
    names = [f"model {i}" for i in range(10)]
    assert [colour_of(names, name) for name in names] == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]
    assert colour_of(names, "another") == 0


def variables(mode: str) -> dict[str, str]:
    light, dark = SHEET.split(".dark & {")
    return dict(re.findall(r"--([\w-]+): ([#\w%]+);", light if mode == "light" else dark))


def channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def contrast(one: list[float] | list[int], other: list[float] | list[int]) -> float:
    """By WCAG 2.2."""
    linear = [[c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb] for rgb in (one, other)]
    low, high = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in linear)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_colours_stand_out_and_text_on_them_can_be_read(mode: str) -> None:
    known, ground = variables(mode), channels(GROUNDS[mode])
    models = [known[f"model-{i}"] for i in range(1, 1 + COLOURS)]
    assert len(set(models)) == COLOURS
    assert all(contrast(channels(colour), ground) >= 4.5 for colour in models)
    assert contrast(channels(known["dimmed"]), ground) >= 4.5
    letters = channels(LETTERS[mode])
    strongest = 10 * int(known["tint"].removesuffix("%")) / 100
    tinted = [strongest * s + (1 - strongest) * g for s, g in zip(channels(known["surprise"]), ground, strict=True)]
    assert contrast(letters, tinted) >= 4.5
    assert contrast(letters, channels(known["changed"])) >= 4.5
