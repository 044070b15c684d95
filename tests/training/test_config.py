"""The options of a run."""

from typing import Any

import pytest

from nanogpt.training.config import TrainConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_iters", 0), ("max_iters", 2.5), ("batch_size", True), ("learning_rate", float("nan")), ("dropout", 1),
        ("n_head", 3), ("optimizer", "sgd"), ("seed", -1), ("keep_last", 1), ("bias", "yes"), ("name", "../up"),
    ],
)  # fmt: skip
def test_settings_are_checked_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        TrainConfig(**{field: value})
