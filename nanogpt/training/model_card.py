"""The model card, which is the README of a checkpoint. Knows text; measures nothing."""

from pathlib import Path
from typing import Any

from nanogpt.analysis import score
from nanogpt.models import MODELS
from nanogpt.text.corpus import Corpus
from nanogpt.text.markdown import block, code, plain
from nanogpt.training.config import TrainConfig
from nanogpt.training.recipe import shown_recipe


def model_card(
    config: TrainConfig, command: str, row: dict[str, Any], window: int, corpus: Corpus, text: str, turned: str = ""
) -> str:
    """What the model is, how it was made and what loss it reached, as Markdown.

    Args:
        command: the command that made the model.
        row: the last line of the run's log.
        window: the evaluation window, in characters.
        text: a sample.
        turned: a sentence for a run whose validation loss has risen.
    """
    from nanogpt.storage.hub.front_matter import card_front  # the Hub's library takes long to import

    loss, stopped = row[f"full_val_{window}"], row["step"] < config.max_iters
    origin = "" if Path(config.init_from).is_dir() else config.init_from  # a repository of the Hub
    front = card_front(
        config.name, config.model, corpus=corpus.name, loss=round(loss, 4), window=window, base_model=origin,
        license=config.license,
    )  # fmt: skip
    turned = f"\n{turned}\n" if turned else ""
    finished = f" (stopped; the schedule has {config.max_iters:,})" if stopped else ""
    again = f"python -m nanogpt score --protocol {'--quick ' if stopped else ''}--model {config.folder.as_posix()}"
    return f"""{front}
# {plain(config.name)}

This {MODELS[config.model].title} of single characters was trained on {plain(corpus.name)} by this project's `train.py`.

| | |
|---|---|
| command | {code(command or "nanogpt.training.trainer.train")} |
| loss, full-val@{window} | **{loss:.4f}** nats per character ({loss * score.BITS:.4f} bits) |
| text | {plain(corpus.name)}, {len(corpus.train):,} characters for training, {len(corpus.val):,} for validation |
| parameters | {row["parameters"]:,} |
| steps | {row["step"]:,}{finished} |
| characters seen | {row["tokens"]:,} |
| training seconds | {row["seconds"]:,.0f} (evaluation apart) |
| machine | {row["machine"]} |
| recipe | {code(shown_recipe(config))} |
| licence | {plain(config.license or "not stated")} |

The loss is that of the saved file, on the last {config.val_fraction:.0%} of the text, in windows of {window}
characters without carry-over; {code(again)} prints it again.
{turned}
A sample (temperature 0.8, seed 1):

{block(text)}
"""
