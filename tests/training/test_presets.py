"""The presets."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nanogpt.training.config import TrainConfig
from nanogpt.training.presets import PRESETS, resolve, suited


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_whole_settings(preset: str, config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    assert resolve("gpt", preset, {}).model == "gpt"
    assert resolve("gpt", preset, {"n_layer": 3}).n_layer == 3  # what is given beside it wins


def test_a_short_text_is_read_less_often() -> None:
    """With 800 steps, the loss on 20 kB was lowest at step 40 and nearly doubled after it."""
    quick = resolve("gpt", "quick", {})
    assert suited(quick, 1_000_000) == suited(quick, 200_000) == {}
    assert suited(quick, 100_000) == {"max_iters": 520, "eval_interval": 26}
    assert suited(quick, 45_000) == {"max_iters": 234, "eval_interval": 11, "dropout": 0.2}
    assert suited(quick, 1_000)["max_iters"] == 100
    assert suited(resolve("bigram", "quick", {}), 1_000) == {}
