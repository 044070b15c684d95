"""The messages that wait to be read, by session. Knows Gradio 6.31's queue, which keeps 2,000 sessions of any size."""

from asyncio import Queue
from typing import Any

from gradio.utils import LRUCache

MAX_SESSIONS = 300  # at most 258 have a run: 128 wait, 128 are written and two are read


class Mailboxes(LRUCache[str, Any]):
    """Session → the `Queue` of its messages, at most `max_size`.

    When it is full, the session that has been unused for longest is dropped; those without a run are dropped first.
    `pending` is Gradio's session → the names of its runs that are not over or not read; a dropped session is dropped
    there too. An open stream uses its session at least every ten seconds.
    """

    def __init__(self, max_size: int, pending: dict[str, set[str]]):
        super().__init__(max_size)
        self.pending = pending

    def __setitem__(self, session: str, messages: Any) -> None:
        if session not in self and len(self) >= self.max_size:
            oldest = next((s for s in self if not self.pending.get(s)), next(iter(self)))
            del self[oldest]
            self.pending.pop(oldest, None)
        super().__setitem__(session, messages)

    def __getitem__(self, session: str) -> Any:
        if session in self:
            self.move_to_end(session)
        return super().__getitem__(session)

    def __missing__(self, session: str) -> Any:
        """A run of a dropped session: nobody gets its messages. A KeyError here would stop Gradio's whole queue."""
        return Queue()
