"""What the fault programs share: a number of trials as argument, and a line of counts, failures and minutes."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "training"), str(TESTS.parent)]  # run as programs, they find what tests find
IN_MEMORY = Path("/dev/shm")


@dataclass
class Outcome:
    """How many trials ended in which way, and a sentence for each that should not have ended so."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


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
