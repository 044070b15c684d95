"""The evaluation protocol on a finished checkpoint: what `score --protocol` prints. Knows checkpoints and texts."""

from pathlib import Path
from typing import Any

from nanogpt.analysis.score import PROTOCOL_OFFSETS, evaluation_window, random_windows_loss, windows_loss
from nanogpt.generation.text_model import TextModel
from nanogpt.storage.checkpoint import METRICS, WEIGHTS, metrics
from nanogpt.text.corpus import Corpus


def judged(loaded: TextModel, corpus: Corpus, *, quick: bool = False) -> dict[str, Any]:
    """The losses of a model in nats per character, its size, and how it was trained, by name.

    `quick` reads the validation text at the first offset of the protocol only.
    """
    model, window = loaded.model, evaluation_window(loaded.model)
    offsets = [o for o in PROTOCOL_OFFSETS if o < window][: 1 if quick else None]
    return {
        "model": loaded.name,
        "corpus": corpus.name,
        "full_val_256": None,  # stays empty for a model with a shorter context
        f"full_val_{window}": windows_loss(model, corpus.val, window, offsets),
        "nanogpt_estimate": random_windows_loss(model, corpus.val, window),
        "parameters": loaded.parameters,
        "bytes": (loaded.folder / WEIGHTS).stat().st_size,
        **_training(loaded.folder),
    }


def _training(folder: Path) -> dict[str, Any]:
    """How a checkpoint was trained, from the last line of its log; empty for a checkpoint without a log."""
    if not (folder / METRICS).exists():
        return {}
    rows = metrics(folder)
    last = rows[-1] if rows else {}
    names = {"steps": "step", "trained_characters": "tokens", "training_seconds": "seconds", "trained_on": "machine"}
    return {name: last.get(key) for name, key in names.items()}
