"""The model card, which is the README of a checkpoint. Knows text; measures nothing."""

from pathlib import Path
from typing import Any

from nanogpt.analysis import score
from nanogpt.models import MODELS
from nanogpt.text.corpus import Corpus
from nanogpt.training.config import TrainConfig


def model_card(config: TrainConfig, command: str, row: dict[str, Any], window: int, corpus: Corpus, text: str) -> str:
    """What the model is, how it was made and what loss it reached, as Markdown.

    Args:
        command: the command that made the model.
        row: the last line of the run's log.
        window: the evaluation window, in characters.
        text: a sample.
    """
    from nanogpt.storage.hub.front_matter import card_front  # the Hub's library takes long to import

    loss = row[f"full_val_{window}"]
    origin = "" if Path(config.init_from).is_dir() else config.init_from  # a repository of the Hub
    front = card_front(
        config.name, config.model, corpus=corpus.name, loss=round(loss, 4), window=window, base_model=origin
    )
    finished = "" if row["step"] == config.max_iters else f" (stopped; the schedule has {config.max_iters:,})"
    return f"""{front}
# {config.name}

This {MODELS[config.model].title} of single characters was trained on {corpus.name} by this project's `train.py`.

| | |
|---|---|
| command | `{command or "nanogpt.training.trainer.train"}` |
| loss, full-val@{window} | **{loss:.4f}** nats per character ({loss * score.BITS:.4f} bits) |
| parameters | {row["parameters"]:,} |
| steps | {row["step"]:,}{finished} |
| characters seen | {row["tokens"]:,} |
| training seconds | {row["seconds"]:,.0f} (evaluation apart) |
| machine | {row["machine"]} |

The loss is that of the saved file, on the last {config.val_fraction:.0%} of the text, in windows of {window}
characters without carry-over; `python -m nanogpt score --protocol --model {config.name}` prints it again.

A sample (temperature 0.8, seed 1):

```text
{text}
```
"""
