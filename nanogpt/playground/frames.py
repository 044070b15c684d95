"""What the engine writes, looked at now and then: for listeners and endpoints that run in the server's event loop.

Knows the engine; knows no model and no component.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from nanogpt.generation.scheduler import Job, Request, Scheduler
from nanogpt.playground.admission import until_read

FRAME = 0.1  # seconds between updates of the page: more of them cost the browser more than a reader notices
FRAME_OF_A_CROWD = 0.014  # seconds for each job that is written: a frame takes the server 1 to 1.5 ms
IN_LINE = 1.0  # seconds between updates of a job's place in the line


async def frames(engine: Scheduler, requests: Sequence[Request], pause: float = FRAME) -> AsyncGenerator[Job, None]:
    """The job at its first character, then once in `pause` seconds, seldomer where many write; at last complete.

    A job that waits in line comes now and then too. One that nobody reads does not begin, and whoever stops looking
    ends it. Raises TimeoutError after the engine's limit; the last frame then has what was written until then.
    """
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(changed.set)

    await until_read()
    job = engine.submit(requests, tell)
    over = False
    try:
        while not over:
            crowd = FRAME_OF_A_CROWD * len(engine.writing)
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), max(pause, crowd) if job.begun else IN_LINE)
            changed.clear()
            over = job.over  # before the look: it may end while it is looked at, and then comes once more
            yield job
    finally:
        job.cancel()
    if job.error:
        raise job.error
