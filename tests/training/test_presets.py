"""The presets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nanogpt.training.config import TrainConfig
from nanogpt.training.presets import PRESETS, resolve


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_whole_settings(preset: str, config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    assert resolve("gpt", preset, {}).model == "gpt"
    assert resolve("gpt", preset, {"n_layer": 3}).n_layer == 3  # what is given beside it wins
