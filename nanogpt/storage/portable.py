"""The files of a checkpoint that another machine needs: the model, its log, its figures, its recipe and its card."""

import shutil
from pathlib import Path

from nanogpt.storage.atomic import as_json
from nanogpt.storage.checkpoint import CONFIG, MAX_WEIGHTS_BYTES, METRICS, TOKENIZER, WEIGHTS, read_file, read_json

CARD, FIGURES, RECIPE = "README.md", "analysis.json", "training.json"
MODEL_FILES, OTHER_FILES = (WEIGHTS, TOKENIZER, CONFIG), (METRICS, FIGURES, RECIPE, CARD)


def portable_files(folder: Path) -> dict[str, bytes]:
    """Name → content of those files. Raises CheckpointError if one that a model needs is missing.

    The recipe does not tell in which folder of this machine the training text lies.
    """
    names = [*MODEL_FILES, *(name for name in OTHER_FILES if (folder / name).exists())]
    files = {name: read_file(folder / name, MAX_WEIGHTS_BYTES) for name in names}
    if RECIPE in files:
        recipe = read_json(folder / RECIPE)
        text = recipe.get("text")
        if isinstance(text, dict) and text.get("path"):
            files[RECIPE] = as_json({**recipe, "text": {**text, "path": text.get("file")}})
    return files


def clear(folder: Path) -> None:
    """Remove what belongs to the model that a folder holds, before another takes its place: all but the model itself.

    With it go the saved states and the snapshots of its run, which would otherwise be continued or offered.
    """
    for name in OTHER_FILES:
        (folder / name).unlink(missing_ok=True)
    for name in ("state", "snapshots"):
        shutil.rmtree(folder / name, ignore_errors=True)
