"""What a training run prints. Knows text; knows no model."""

import sys

from tqdm import tqdm


def say(text: str) -> None:
    """Print a line, above the progress bar if there is one."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


def progress_bar(name: str, step: int, steps: int, shown: bool = True) -> "tqdm[None]":
    """A bar that starts at `step` of `steps`. It is drawn only if `shown` and on a terminal."""
    return tqdm(total=steps, initial=step, desc=name, unit="step", disable=not (shown and sys.stderr.isatty()))
