"""A model's figures on unseen text: what its heads look at, what each part is worth, and what the context is worth.

They are computed once and stored beside the checkpoint as `analysis.json`, so that whoever shows them needs no corpus.
A file of figures is never trusted: any bytes there give figures of exactly these weights, or none.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nanogpt.analysis.parts import part_names, read_parts, without
from nanogpt.analysis.patterns import HEAD_PATTERNS, Head, measure_heads
from nanogpt.analysis.score import BAR, evaluation_window
from nanogpt.analysis.unseen import check_vocabulary, counted, rounded, unseen_bits, unseen_windows
from nanogpt.checks import number, shown, whole
from nanogpt.generation.reader import MAX_CONTEXT
from nanogpt.generation.text_model import TextModel
from nanogpt.storage.atomic import write_file
from nanogpt.storage.checkpoint import CheckpointError, read_json, weights_sha256
from nanogpt.text.corpus import Corpus

ANALYSIS = "analysis.json"
CONTEXTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
MOST_BITS = 1e6  # a character of a model with absurd weights


@dataclass(frozen=True)
class Figures:
    """A model on 64 windows of unseen text, of which the last halves count. All numbers have six significant digits."""

    model: str
    corpus: str
    corpus_sha256: str
    weights_sha256: str  # of the weights file; "" for a model that has none
    characters: int  # counted ones
    bits: float  # per character
    heads: list[Head]  # layer by layer; empty for an n-gram
    without: dict[str, float]  # part or group ("2.3", "2.mlp", "2", "attention", "mlps") → bits without it − bits
    context: dict[int, float]  # characters that the model may look back → bits; the last is the whole window

    def to_json(self) -> dict[str, Any]:
        """The file, the API and `analyse --json`; each head also says its name."""
        heads = [{"part": head.part, "name": head.name, **asdict(head)} for head in self.heads]
        return {**asdict(self), "heads": heads, "context": {str(n): bits for n, bits in self.context.items()}}


def knock_outs(model: TextModel) -> list[str]:
    """What is switched off for the figures: every part, then every whole layer, all attention, and all MLPs."""
    parts = part_names(model.model)
    layers = dict.fromkeys(name.partition(".")[0] for name in parts)
    groups = ["attention", "mlps"] if any(name.endswith("mlp") for name in parts) else ["attention"]
    return [*parts, *layers, *groups] if parts else []


def contexts_of(model: TextModel) -> list[int]:
    """The contexts of a model's curve. An n-gram has one only, its own; that of a transformer ends with the window."""
    if model.model.any_length:
        return [model.block_size]
    window = evaluation_window(model.model)
    return [*(n for n in CONTEXTS if n < window), window]


def analyse(model: TextModel, corpus: Corpus, progress: bool = False) -> Figures:
    """Compute the figures of a model, with a progress bar at a terminal if wanted.

    Reads the unseen text once for each part, group and context: minutes for a GPT of a few million parameters. Raises
    ValueError for a corpus of another vocabulary, or whose validation text is shorter than a window.
    """
    check_vocabulary(model, corpus)
    try:
        digest = weights_sha256(model.folder)
    except CheckpointError:
        digest = ""
    rows = unseen_windows(corpus, evaluation_window(model.model))
    off, contexts = knock_outs(model), contexts_of(model)
    with tqdm(total=len(off) + len(contexts) + 1, desc=model.name, **(BAR if progress else {"disable": True})) as bar:

        def bits_of(edited: TextModel, context: int = 0) -> float:
            bits = unseen_bits(edited.model, rows, context)
            bar.update()
            return bits

        bits = bits_of(model)
        return Figures(
            model=model.name,
            corpus=corpus.name,
            corpus_sha256=corpus.sha256,
            weights_sha256=digest,
            characters=counted(rows),
            bits=rounded(bits),
            heads=measure_heads(model, rows),
            without={name: rounded(bits_of(without(model, name)) - bits) for name in off},
            context={n: rounded(bits_of(model, n)) for n in contexts},
        )


def combination(model: TextModel, corpus: Corpus, off: str | Iterable[str] = "", context: int = 0) -> dict[str, Any]:
    """The bits per character of unseen text without some parts and with a context, and how many more these are.

    Raises ValueError for a part that the model does not have, a context out of range, and as `analyse` does.
    """
    names, context = read_parts(model, off), whole("Context", context, 0, MAX_CONTEXT)
    check_vocabulary(model, corpus)
    rows = unseen_windows(corpus, evaluation_window(model.model))
    bits = unseen_bits(without(model, names).model, rows, context)
    more = bits - unseen_bits(model.model, rows)
    return {
        "model": model.name,
        "corpus": corpus.name,
        "characters": counted(rows),
        "off": " ".join(names),
        "context": context,
        "bits": rounded(bits),
        "more_bits": rounded(more),
    }


def described(figures: Figures) -> str:
    """The figures as tables for a terminal."""
    lines = [f"{figures.model}: {figures.bits:.4f} bits per character of unseen text"]
    lines[0] += f" ({figures.characters:,} characters of {figures.corpus})"
    if figures.heads:
        lines += ["", "share of a head's weight, in percent, beside the share by chance"]
        lines += ["head    " + "".join(f"{pattern:>10}" for pattern in HEAD_PATTERNS)]
        lines += [f"{'chance':<8}" + "".join(f"{100 * x:>10.1f}" for x in figures.heads[0].chance.values())]
        for head in figures.heads:
            lines += [f"{head.part:<8}" + "".join(f"{100 * x:>10.1f}" for x in head.share.values()) + f"  {head.name}"]
    if figures.without:
        lines += ["", "bits per character more without a part, a layer, all attention, or all MLPs"]
        cells = [f"{name:>9} {bits:+.4f}" for name, bits in figures.without.items()]
        lines += ["   ".join(cells[i : i + 5]) for i in range(0, len(cells), 5)]
    lines += ["", "bits per character if the model looks back at most n characters", f"{'n':>5}   bits"]
    lines += [f"{n:>5}   {bits:.4f}" for n, bits in figures.context.items()]
    return "\n".join(line.rstrip() for line in lines)


def save_figures(folder: Path, figures: Figures) -> Path:
    """Write figures into a checkpoint's folder, whole or not at all; return the file. Raises OSError."""
    path = folder / ANALYSIS
    lines = [f"{json.dumps(name)}: {_lines(value)}" for name, value in figures.to_json().items()]
    write_file(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())
    return path


def _lines(value: object) -> str:
    """A list has a line for each of its items: one head."""
    if not isinstance(value, list) or not value:
        return json.dumps(value)
    return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"


def stored_figures(model: TextModel) -> Figures | None:
    """The figures in a model's folder; None if there are none, or if they are damaged or of other weights."""
    try:
        return _read(model, read_json(model.folder / ANALYSIS))
    except (CheckpointError, ValueError, TypeError, KeyError):
        return None


def _read(model: TextModel, data: dict[str, Any]) -> Figures:
    """Figures of this model from JSON. Raises CheckpointError, ValueError, TypeError or KeyError for anything else."""
    if data["weights_sha256"] != weights_sha256(model.folder):
        raise ValueError("The figures are of other weights.")
    parts = [name for name in part_names(model.model) if not name.endswith("mlp")]
    heads = [_head(part, of_head) for part, of_head in zip(parts, data["heads"], strict=True)]
    off, contexts = knock_outs(model), [str(n) for n in contexts_of(model)]
    context = _numbers("context", data["context"], contexts, 0, MOST_BITS)
    return Figures(
        model=model.name,
        corpus=_matching(r"[\x20-\x7e]{1,100}", data["corpus"]),
        corpus_sha256=_matching(r"[0-9a-f]{64}", data["corpus_sha256"]),
        weights_sha256=data["weights_sha256"],
        characters=whole("characters", data["characters"], 1, 10**9),
        bits=number("bits", data["bits"], 0, MOST_BITS),
        heads=heads,
        without=_numbers("without", data["without"], off, -MOST_BITS, MOST_BITS),
        context={int(n): bits for n, bits in context.items()},
    )


def _head(part: str, data: dict[str, Any]) -> Head:
    if data["part"] != part:
        raise ValueError(f"These are figures of another head than {part}.")
    share, chance = (_numbers(name, data[name], HEAD_PATTERNS, 0, 1) for name in ("share", "chance"))
    return Head(part, share, chance, number("distance", data["distance"], 0, 1))


def _numbers(field: str, data: object, names: Iterable[str], low: float, high: float) -> dict[str, float]:
    """Numbers in a range, one for each name and no others, in the order of the names."""
    names = list(names)
    if not isinstance(data, dict) or data.keys() != set(names):
        raise ValueError(f"{field} must have the names {', '.join(names)}.")
    return {name: number(field, data[name], low, high) for name in names}


def _matching(pattern: str, text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise ValueError(f"{shown(text)} is not of the form {pattern}.")
    return text
