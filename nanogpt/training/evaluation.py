"""The numbers and samples by which a run is followed and its result is judged. Knows models and ids; knows no file."""

from torch import Tensor

from nanogpt.analysis import score
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.models.base import LanguageModel
from nanogpt.text.corpus import Corpus, DataError
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training.config import TrainConfig


def check_text_lengths(model: LanguageModel, corpus: Corpus) -> None:
    """Raise DataError if a part of the text is too short for the last evaluation: better now than after training."""
    window = score.evaluation_window(model)
    needed = window + max(o for o in score.PROTOCOL_OFFSETS if o < window) + 1
    for part, ids in (("training", corpus.train), ("validation", corpus.val)):
        if len(ids) < needed:
            raise DataError(f"The {part} text has {len(ids):,} characters; judging the model needs {needed:,}.")


def estimate_losses(config: TrainConfig, model: LanguageModel, corpus: Corpus) -> dict[str, float]:
    """The losses on the training and the validation text, in nats per character.

    Both are over fixed random windows, on the training text as many as read it once at most. Where they would read the
    validation text once or more, it is read whole instead, at as many offsets of the evaluation protocol; with
    `config.full_eval`, it is always read whole.
    """
    window, batch_size = score.evaluation_window(model), 32

    def estimate(ids: Tensor) -> float:
        batches = min(config.eval_iters, max(1, len(ids) // (batch_size * window)))
        return score.random_windows_loss(model, ids, window, batches=batches, batch_size=batch_size)

    passes = max(config.eval_iters * batch_size * window // len(corpus.val), int(config.full_eval))
    val = score.windows_loss(model, corpus.val, window, _offsets(window)[:passes]) if passes else estimate(corpus.val)
    return {"train": estimate(corpus.train), "val": val}


def _offsets(window: int) -> list[int]:
    return [o for o in score.PROTOCOL_OFFSETS if o < window]


def protocol_loss(model: LanguageModel, corpus: Corpus, *, quick: bool = False) -> tuple[int, float]:
    """The evaluation window and the loss of the evaluation protocol; `quick` reads the text at one offset only."""
    window = score.evaluation_window(model)
    return window, score.windows_loss(model, corpus.val, window, _offsets(window)[: 1 if quick else None])


def sample_text(model: LanguageModel, tokenizer: CharTokenizer, count: int) -> str:
    """Continue a newline by `count` characters, with one seed every time, so that samples can be compared."""
    model.eval()
    steps = generate_steps(model, [tokenizer.start_id], SamplingParams(max_new_tokens=count))
    return tokenizer.decode(s.id for s in steps)
