"""Admission: how many runs a visitor may have at once, and how runs that nobody reads are ended.

Knows the addresses at which clients of Gradio 6.31 post runs and open the streams of their results, and its queue.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs

import gradio as gr
from gradio.context import LocalContext
from gradio.queueing import Event, Queue
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNREAD = 6.0  # seconds a run goes on without a stream
PER_SESSION = 8  # eight listeners of the page use the queue, and each waits for its answer before it asks again
PER_ADDRESS = 80  # two classes of thirty behind one address; of the queue's places 48 are left to everyone else
POSTS = ("/gradio_api/queue/join", "/gradio_api/call/")
# A page holds its heartbeat from its first moment until it is closed. It opens the stream of its results after a run
# was posted, and on a busy machine that has taken longer than UNREAD.
STREAMS = ("/gradio_api/queue/data", "/gradio_api/call/", "/gradio_api/heartbeat/")
T = TypeVar("T")

open_streams: Counter[str] = Counter()  # session → its streams that are open now, in all apps of this process


@dataclass(eq=False)
class AdmittedRun:
    """A run from its post until its result is read. `event` is its name in the queue, once it has one."""

    session: str
    address: str
    event: str = ""


class Admission:
    """ASGI middleware behind the guard: 429 for a run too many, and an end to runs that nobody reads."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.open: list[AdmittedRun] = []
        self.watches: set[asyncio.Task[None]] = set()  # the event loop itself keeps no task alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(POSTS):
            await self._post(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(STREAMS):
            session = self._session_of(scope)
            open_streams[session] += 1
            try:
                await self.app(scope, receive, send)
            finally:
                open_streams.subtract([session])
                if not open_streams[session]:
                    del open_streams[session]
        else:
            await self.app(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()  # the guard has put the body together and read it
        run = AdmittedRun(_session(message["body"]), (scope["client"] or ("",))[0])
        queue: Queue = scope["app"].get_blocks()._queue
        if problem := self._too_many(run, queue):
            await JSONResponse({"detail": problem}, 429)(scope, receive, send)  # the page shows `detail`
            return
        self.open.append(run)
        answer = b""

        async def replay() -> Message:
            nonlocal message
            given, message = message, {}
            return given or await receive()

        async def watched_send(sent: Message) -> None:
            nonlocal answer
            answer += sent.get("body", b"")
            await send(sent)

        try:
            await self.app(scope, replay, watched_send)
        finally:
            run.event = _event(answer)
            run.session = next((s for s, events in queue.pending_event_ids_session.items() if run.event in events), "")
            watch = asyncio.create_task(self._watch(run, queue))
            self.watches.add(watch)
            watch.add_done_callback(self.watches.discard)

    def _too_many(self, run: AdmittedRun, queue: Queue) -> str | None:
        now = [other for other in self.open if not other.event or _is_open(other, queue)]
        if run.session and sum(other.session == run.session for other in now) >= PER_SESSION:
            return f"A page may have {PER_SESSION} runs at once. Wait until one of yours is complete."
        if sum(other.address == run.address for other in now) >= PER_ADDRESS:
            return f"One address may have {PER_ADDRESS} runs at once. Wait until one of them is complete."
        return None

    async def _watch(self, run: AdmittedRun, queue: Queue) -> None:
        """Follow a run until it is over and read; end it when its session has no stream."""
        try:
            while _is_open(run, queue):
                await asyncio.sleep(UNREAD)
                if not open_streams[run.session]:
                    await _end(run, queue)
        finally:
            self.open.remove(run)

    def _session_of(self, scope: Scope) -> str:
        """Whose stream it is: that of the session it names, or of the run."""
        if scope["path"].startswith("/gradio_api/queue/data"):
            return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[-1]
        event = scope["path"].rstrip("/").rpartition("/")[2]
        return next((run.session for run in self.open if run.event == event), event)


def _session(body: bytes) -> str:
    """The session that a post names; "" if it names none, or is none of Gradio's."""
    fields: Any = json.loads(body) if body else None
    session = fields.get("session_hash") if isinstance(fields, dict) else None
    return session if isinstance(session, str) else ""


def _event(answer: bytes) -> str:
    """The name of the run in the queue; "" if it was refused."""
    try:
        return str(json.loads(answer).get("event_id", ""))
    except (ValueError, AttributeError):
        return ""


def _is_open(run: AdmittedRun, queue: Queue) -> bool:
    return run.event in queue.pending_event_ids_session.get(run.session, ())


async def _end(run: AdmittedRun, queue: Queue) -> None:
    """Take a run out of the queue, let it take no further step, and forget what it wrote."""
    await queue.clean_events(event_id=run.event)
    events = queue.pending_event_ids_session.get(run.session, set())
    events.discard(run.event)
    messages = queue.pending_messages_per_session.get(run.session)
    if not events:
        queue.pending_event_ids_session.pop(run.session, None)
        queue.pending_messages_per_session.pop(run.session, None)
    elif messages is not None:
        for message in [messages.get_nowait() for _ in range(messages.qsize())]:
            if message.event_id != run.event:
                messages.put_nowait(message)


def _event_that_asks() -> Event | None:
    """The entry in Gradio's queue of the run that calls this; None outside of a run."""
    blocks = LocalContext.blocks.get(None)
    return blocks._queue.event_ids_to_events.get(LocalContext.event_id.get(None) or "") if blocks else None


async def until_read() -> None:
    """Wait until somebody reads the run that calls this: a run that nobody reads must not take a place of the engine.

    It waits for at most `2 * UNREAD` seconds, and outside of a run not at all. Raises gr.Error if the run is ended.
    """
    event = _event_that_asks()
    deadline = time.monotonic() + 2 * UNREAD
    while event and not open_streams[event.session_hash] and time.monotonic() < deadline:
        if not event.alive:
            raise gr.Error("Nobody waits for this run.", print_exception=False)
        await asyncio.sleep(0.02)


def while_awaited(steps: Iterable[T]) -> Iterator[T]:
    """The same steps while someone waits for the run that takes them: a thread cannot be stopped from outside.

    Raises gr.Error once the run is ended. Outside of a run, all steps.
    """
    event = _event_that_asks()
    for step in steps:
        if event and not event.alive:
            raise gr.Error("Nobody waits for this run.", print_exception=False)
        yield step
