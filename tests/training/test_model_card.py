"""The card of a checkpoint."""

from collections.abc import Callable
from typing import Any

from short_runs import stop

from nanogpt.training.config import TrainConfig
from nanogpt.training.trainer import train


def test_the_card_says_how_it_was_made_and_what_it_reached(config: Callable[..., TrainConfig]) -> None:
    row = train(config(name="run"), "python train.py --model gpt --name run")
    card = (config(name="run").folder / "README.md").read_text()
    assert "`python train.py --model gpt --name run`" in card
    assert f"**{row['full_val_16']:.4f}** nats per character" in card
    assert f"| parameters | {row['parameters']:,} |" in card
    assert "stopped" not in card


def test_the_card_of_a_stopped_run_says_so(config: Callable[..., TrainConfig], at_step: Any) -> None:
    at_step(3, stop())
    train(config(name="run"))
    assert "| steps | 4 (stopped; the schedule has 8) |" in (config(name="run").folder / "README.md").read_text()
