"""What the fault programs share: a number of trials as argument, and a line of counts, failures and minutes."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "training"), str(TESTS.parent)]  # run as programs, they find what tests find
from randomised import randomise  # noqa: E402  beside this folder

from nanogpt.models import build_model, make_config  # noqa: E402
from nanogpt.models.base import LanguageModel  # noqa: E402

SIZES: dict[str, dict[str, Any]] = {
    "bigram": {"vocab_size": 11},
    "mlp": {"vocab_size": 11, "n_context": 5, "n_vector": 8},
    "gpt": {"vocab_size": 11, "block_size": 8, "n_layer": 1, "n_head": 2, "n_embd": 16},
}
IN_MEMORY = Path("/dev/shm")


@dataclass
class Outcome:
    """How many trials ended in which way, and a sentence for each that should not have ended so."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def small_model(kind: str, seed: int = 0) -> LanguageModel:
    """A model with random weights and a vocabulary of eleven characters."""
    return randomise(build_model(make_config(kind, SIZES[kind])), seed)


def report(name: str, run: Callable[[Path, int], Outcome], default: int, *, on_disk: bool = False) -> int:
    """Run a program with the number of trials on the command line, in a folder of its own; return its exit status.

    The folder is in memory, where there is such a place, unless it must be `on_disk`.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else default
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() and not on_disk else None) as folder:
        outcome = run(Path(folder), count)
    for failure in outcome.failures[:50]:
        print(failure)
    told = ", ".join(f"{number:,} {what}" for what, number in sorted(outcome.counts.items()))
    minutes = (time.monotonic() - began) / 60
    print(f"{name}: {told}; {len(outcome.failures)} failures, {minutes:.1f} minutes")
    return 1 if outcome.failures else 0
