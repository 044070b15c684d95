"""The numbers and samples by which a run is followed and its result is judged. Knows models and ids; knows no file."""

import torch
from torch import Tensor

from nanogpt.analysis import score
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.models import build_model
from nanogpt.models.base import LanguageModel
from nanogpt.text.corpus import Corpus, DataError
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training.config import TrainConfig


def check_text_lengths(config: TrainConfig, corpus: Corpus) -> None:
    """Raise DataError if a part of the text is too short for the last evaluation: better now than after training."""
    with torch.device("meta"):  # shapes without memory
        window = score.evaluation_window(build_model(config.model_config(corpus.tokenizer.vocab_size)))
    needed = window + max(o for o in score.PROTOCOL_OFFSETS if o < window) + 1
    for part, ids in (("training", corpus.train), ("validation", corpus.val)):
        if len(ids) < needed:
            raise DataError(f"The {part} text has {len(ids):,} characters; judging the model needs {needed:,}.")


def estimate_losses(config: TrainConfig, model: LanguageModel, corpus: Corpus) -> dict[str, float]:
    """The losses on the training and the validation text, in nats per character, by fixed random windows.

    With `config.full_eval`, that of the validation text is over the whole of it.
    """
    window = score.evaluation_window(model)

    def estimate(ids: Tensor) -> float:
        return score.random_windows_loss(model, ids, window, batches=config.eval_iters, batch_size=32)

    val = score.windows_loss(model, corpus.val, window, [0]) if config.full_eval else estimate(corpus.val)
    return {"train": estimate(corpus.train), "val": val}


def protocol_loss(model: LanguageModel, corpus: Corpus, *, quick: bool = False) -> tuple[int, float]:
    """The evaluation window and the loss of the evaluation protocol; `quick` reads the text at one offset only."""
    window = score.evaluation_window(model)
    offsets = (0,) if quick else score.PROTOCOL_OFFSETS
    return window, score.windows_loss(model, corpus.val, window, [o for o in offsets if o < window])


def sample_text(model: LanguageModel, tokenizer: CharTokenizer, count: int) -> str:
    """Continue a newline by `count` characters, with one seed every time, so that samples can be compared."""
    model.eval()
    steps = generate_steps(model, [tokenizer.start_id], SamplingParams(max_new_tokens=count))
    return tokenizer.decode(s.id for s in steps)
