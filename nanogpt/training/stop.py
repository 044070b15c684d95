"""Stopping a run with Ctrl-C or SIGTERM. Knows signals; knows no model and no file."""

import contextlib
import signal
from collections.abc import Iterator

from nanogpt.training.console import say


class Stop:
    """A request to stop: the first signal makes it, and the current step is finished and saved.

    The second signal raises KeyboardInterrupt at once; the last saved state stays as it is.
    """

    def __init__(self) -> None:
        self.requested = False

    @contextlib.contextmanager
    def on_signal(self) -> Iterator[None]:
        """Handle SIGINT (Ctrl-C) and SIGTERM within the block; the earlier handlers come back after it."""
        previous = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        say("stopping after this step; a second signal stops at once and keeps the last saved state")
