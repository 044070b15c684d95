"""The recipe of a run: the options and the text that decide its result.

It is printed, kept beside the checkpoint, so that `score --protocol` finds the text again, and compared when a run
goes on. Knows options, texts and files; knows no model.
"""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from nanogpt.models import MODELS
from nanogpt.storage.atomic import as_json, write_file
from nanogpt.storage.checkpoint import read_json
from nanogpt.storage.portable import RECIPE
from nanogpt.text.corpus import Corpus, DataError, load_corpus
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training.config import TrainConfig
from nanogpt.training.errors import TrainError

# What changes nothing about the result, or is told of the text.
APART = {
    "data", "val_fraction", "tune", "out_dir", "name", "overwrite", "resume", "eval_only", "license", "report_to",
    "log_interval", "save_interval", "sample_interval", "keep_last", "snapshots", "max_seconds",
}  # fmt: skip
# A run that goes on must have the same; with other values of the rest, it is another schedule.
FIXED = ("model", "seed", "block_size", "optimizer", "distill_from", "synthetic_chars")


def recipe(config: TrainConfig) -> dict[str, Any]:
    """The options that decide the result, by name; those of other models are left out."""
    shape = {name for row in MODELS.values() for name in _names(row.config)}
    own = _names(MODELS[config.model].config) | {"block_size"}  # every model is trained in windows of that length
    return {
        name: value
        for name, value in asdict(config).items()
        if name not in APART and (name not in shape or name in own)
    }


def _names(config: type[Any]) -> set[str]:
    return {f.name for f in fields(config)}


def shown_recipe(config: TrainConfig) -> str:
    """The recipe in one line: `n_layer 2, n_head 3, …`; what is off or empty is left out."""
    return ", ".join(f"{name} {_word(value)}" for name, value in recipe(config).items() if _word(value))


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return {"True": "yes", "False": "no"}.get(str(value), str(value))


def text_of(config: TrainConfig, corpus: Corpus) -> dict[str, Any]:
    """What tells one text and its division from another."""
    return {
        "file": corpus.file, "path": config.data, "sha256": corpus.sha256, "val_fraction": config.val_fraction,
        "tune": config.tune, "characters": "".join(corpus.tokenizer.chars),
    }  # fmt: skip


def write_recipe(folder: Path, config: TrainConfig, corpus: Corpus) -> None:
    """Keep the recipe beside a checkpoint."""
    text = {name: value for name, value in text_of(config, corpus).items() if name != "characters"}
    write_file(folder / RECIPE, as_json({"text": text, "options": recipe(config)}))


def text_of_checkpoint(folder: Path, tokenizer: CharTokenizer, data: str | None = None) -> Corpus | None:
    """The text that a checkpoint was trained on, divided as it was then; None if the folder does not say.

    `data` is where the text is now, if not where it was. Raises DataError if it is not found or is another text.
    """
    if not (folder / RECIPE).exists():
        return None
    said = read_json(folder / RECIPE).get("text") or {}
    try:
        path, digest, share, tune = (said[name] for name in ("path", "sha256", "val_fraction", "tune"))
        if path is not None and data is None and not Path(path).is_file():
            raise DataError(f"{folder.name} was trained on {path}, which is not there; give it with --data FILE.")
        corpus = load_corpus(data or path, float(share), tune=bool(tune), tokenizer=tokenizer)
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(f"{folder.name}/{RECIPE} does not tell the text of the model ({error}).") from error
    if corpus.sha256 != digest:
        raise DataError(
            f"{folder.name} was trained on a text with sha256 {str(digest)[:12]}; {data or path or corpus.file} has "
            f"{corpus.sha256[:12]}. Give its own with --data FILE."
        )
    return corpus


def compare(saved: dict[str, Any], config: TrainConfig, text: dict[str, Any]) -> str:
    """What a run that goes on with `config` and `text` does otherwise, as a sentence; empty for nothing.

    `saved` is the manifest of its state. Raises TrainError, with both values, if it would be another run.
    """
    before, now = saved["config"], recipe(config)
    shape = _names(MODELS[config.model].config) - {"dropout"}
    pairs = [(name, before[name], value) for name, value in now.items() if name in before]
    old = saved.get("text") or {} if text else {}  # a state of an earlier version has none
    pairs += [(f"text {name}", old[name], text[name]) for name in ("sha256", "val_fraction", "tune") if name in old]
    if old and old["characters"] != text["characters"]:
        pairs.append(("text vocabulary", len(old["characters"]), f"{len(text['characters'])} others"))
    changed = [(name, _short(one), _short(other)) for name, one, other in pairs if _short(one) != _short(other)]
    other_run = [c for c in changed if c[0].startswith("text ") or c[0] in FIXED or c[0] in shape]
    if other_run:
        was, gives = (", ".join(f"{c[0]} {c[i]}" for c in other_run) for i in (1, 2))
        raise TrainError(
            f"The saved run has {was}; this command gives {gives}. To continue it, give what it has; to begin another, "
            "give another --name."
        )
    return "; ".join(f"{name} was {one} and is {other}" for name, one, other in changed)


def _short(value: object) -> str:
    return (" ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))[:40] or "none"
