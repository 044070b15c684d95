"""Trains on texts that strangers might bring, with nothing chosen but the text, and judges what ships.

python tests/faults/own_texts.py                   prose, verse, code and Greek of 20 kB, 50 kB, 300 kB and 1 MB
python tests/faults/own_texts.py 20000 50000       only these sizes

Prose and code are the standard library's: its topics and docstrings, and its modules. Verse is made of the prose's
words by chance, each after one that it follows there; Greek is the prose in Greek letters.
"""

import ast
import json
import random
import re
import sys
import sysconfig
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics
from typing import NamedTuple

from campaign import IN_MEMORY

import train as train_py
from nanogpt.storage import checkpoint
from nanogpt.text.corpus import load_corpus
from nanogpt.training.evaluation import estimate_losses, protocol_loss

SIZES = (20_000, 50_000, 300_000, 1_000_000)  # characters
GREEK = str.maketrans("abcdefghijklmnopqrstuvwxyz", "αβκδεφγηιξκλμνοπθρστυωώχψζ")


@cache
def _modules() -> list[str]:
    folder = Path(sysconfig.get_path("stdlib"))
    return [path.read_text("utf-8") for path in sorted(folder.glob("*.py"))]


@cache
def _prose() -> str:
    with warnings.catch_warnings(action="ignore"):  # of modules with old escapes
        nodes = [node for module in _modules() for node in ast.walk(ast.parse(module))]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in nodes if isinstance(node, documented)]
    return "\n\n".join([*topics.values(), *filter(None, docstrings)])


def _verse(size: int) -> str:
    """Stanzas of four lines of six to nine words."""
    following = defaultdict(list)
    for word, after in pairwise(re.findall(r"[a-z]+", _prose()[:size].lower())):
        following[word].append(after)
    chance, word, lines = random.Random(1), "the", [""]
    while sum(map(len, lines)) < size:
        line = []
        for _ in range(chance.randint(6, 9)):
            word = chance.choice(following.get(word) or ["the"])
            line.append(word)
        lines.append(" ".join(line).capitalize() + chance.choice(",;.") + ("\n" if len(lines) % 4 == 0 else ""))
    return "\n".join(lines)


KINDS = {
    "prose": lambda size: _prose(),
    "verse": _verse,
    "code": lambda size: "\n".join(_modules()),
    "greek": lambda size: _prose().lower().translate(GREEK),
}


class Judged(NamedTuple):
    """What a plain `python train.py --data …` came to, in nats per character."""

    best: float  # the lowest validation loss that the GPT's run has seen
    shipped: float  # the same measure of the weights that it left
    gpt: float  # the loss of both models by the evaluation protocol
    bigram: float
    seconds: float  # of the GPT's steps

    @property
    def good(self) -> bool:
        return self.shipped <= self.best + 0.02 and self.gpt <= self.bigram


def judge(kind: str, size: int, folder: Path) -> Judged:
    """Train the two models of a plain command on a text, and judge what they left in `folder`."""
    path = folder / f"{kind}.txt"
    path.write_text(text := KINDS[kind](size)[:size], encoding="utf-8")
    assert len(text) == size, f"the standard library has only {len(text):,} characters of {kind}"
    words = ["--data", str(path), "--out_dir", str(folder / "out")]
    assert train_py.main(words) == 0
    _, config = train_py.parse(words)
    corpus = load_corpus(path)
    losses = []
    for name in ("my-gpt", "my-bigram"):
        model, _ = checkpoint.read_model(folder / "out" / name)
        losses.append(protocol_loss(model, corpus)[1])
        if name == "my-gpt":
            shipped = estimate_losses(config, model, corpus)["val"]
    rows = [json.loads(line) for line in (folder / "out" / "my-gpt" / "metrics.jsonl").read_text().splitlines()]
    best = min(row["val"] for row in rows if "val" in row)
    return Judged(best, shipped, *losses, rows[-1]["seconds"])


def table(sizes: list[int]) -> Iterator[tuple[str, Judged]]:
    for size in sizes:
        for kind in KINDS:
            with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
                yield f"{kind} {size:>9,}", judge(kind, size, Path(folder))


def main() -> int:
    failures = 0
    for name, found in table([int(word) for word in sys.argv[1:]] or list(SIZES)):
        failures += not found.good
        print(
            f"{name}: best seen {found.best:.4f}, shipped {found.shipped:.4f}; protocol: gpt {found.gpt:.4f}, bigram "
            f"{found.bigram:.4f}; {found.seconds:.0f} s{'' if found.good else '  NOT GOOD'}",
            file=sys.stderr,
            flush=True,
        )
    print(f"{failures} failures", file=sys.stderr)
    return min(failures, 1)


if __name__ == "__main__":
    raise SystemExit(main())
