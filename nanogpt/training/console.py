"""What a training run prints. Knows text; knows no model."""

import sys

from tqdm import tqdm


def say(text: str) -> None:
    """Print a line, above the progress bar if there is one."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()
