"""Looking at a job now and then, from an event loop."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.scheduler import Request, Scheduler
from nanogpt.generation.text_model import TextModel
from nanogpt.playground import frames as module
from nanogpt.playground.frames import frames

Named = Callable[..., TextModel]


def request(model: TextModel, count: int) -> Request:
    return Request.of(model, model.read_prompt("ab"), SamplingParams(max_new_tokens=count))


def lengths(engine: Scheduler, request: Request, pause: float, stop: int = 10_000) -> list[int]:
    """How much was written at each look, until `stop` looks."""
    found: list[int] = []

    async def look() -> None:
        async with aclosing(frames(engine, [request], pause)) as jobs:
            async for job in jobs:
                found.append(job.written)  # what was seen before an error is kept
                if len(found) == stop:
                    break

    asyncio.run(look())
    return found


def test_the_first_character_comes_at_once_and_the_last_look_is_complete(text_model: Named) -> None:
    found = lengths(Scheduler(), request(text_model("gpt"), 2_000), pause=60)
    assert 1 <= found[0] < found[1] == 2_000
    assert len(found) == 2


def test_a_job_that_ends_while_it_is_looked_at_comes_once_more(text_model: Named) -> None:
    async def look() -> list[int]:
        found = []
        async with aclosing(frames(Scheduler(), [request(text_model("gpt"), 300)], 0)) as jobs:
            async for job in jobs:
                found.append(job.written)
                while not job.over:
                    await asyncio.sleep(0.01)
        return found

    first, last = asyncio.run(look())
    assert first < last == 300


def test_whoever_stops_looking_ends_the_job(text_model: Named) -> None:
    engine = Scheduler()
    assert len(lengths(engine, request(text_model("gpt"), 2_000), 0.01, stop=2)) == 2
    assert all(job.cancelled for job in engine.writing)


def test_many_jobs_are_looked_at_seldomer(text_model: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRAME_OF_A_CROWD", 60)
    assert len(lengths(Scheduler(), request(text_model("gpt"), 500), pause=0)) == 2


def test_a_job_in_line_is_told_so(text_model: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_LINE", 0.01)
    engine = Scheduler(places=1)
    first = engine.submit([request(text_model("gpt"), 2_000)])
    assert lengths(engine, request(text_model("gpt"), 5), 0, stop=2) == [0, 0]
    first.cancel()
    assert lengths(engine, request(text_model("gpt"), 5), 0)[-1] == 5


def test_an_error_comes_after_the_last_look(text_model: Named) -> None:
    with pytest.raises(TimeoutError):
        lengths(Scheduler(time_limit=0.1), request(text_model("gpt"), 2_000), 0.01)
