"""The files of a checkpoint that another machine needs: the model, its log, its figures and its card."""

from pathlib import Path

from nanogpt.storage.checkpoint import CONFIG, MAX_WEIGHTS_BYTES, METRICS, TOKENIZER, WEIGHTS, read_file

CARD, FIGURES = "README.md", "analysis.json"
MODEL_FILES, OTHER_FILES = (WEIGHTS, TOKENIZER, CONFIG), (METRICS, FIGURES, CARD)


def portable_files(folder: Path) -> dict[str, bytes]:
    """Name → content of those files. Raises CheckpointError if one that a model needs is missing."""
    names = [*MODEL_FILES, *(name for name in OTHER_FILES if (folder / name).exists())]
    return {name: read_file(folder / name, MAX_WEIGHTS_BYTES) for name in names}
