"""Complete comparisons and answers of endpoints for tests, written by one engine."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from nanogpt.generation.scheduler import Scheduler
from nanogpt.playground.comparison import Comparer, Side
from nanogpt.playground.endpoints import endpoints
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo

ENGINE = Scheduler()


def written(zoo: Zoo, run: Run) -> list[Side]:
    """The sides of a run, as the page has them when it is complete."""
    return Comparer(zoo, ENGINE).written(run)


def answers_of(endpoint: Callable[..., Any], *values: Any, **named: Any) -> list[Any]:
    """All answers of a streaming endpoint, one after the other."""

    async def collect() -> list[Any]:
        return [answer async for answer in endpoint(*values, **named)]

    return asyncio.run(collect())


def asked(zoo: Zoo) -> dict[str, Callable[..., Any]]:
    """The endpoints over a zoo as functions: of a streaming one, the last answer."""

    def plain(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isasyncgenfunction(endpoint):
            return lambda *values, **named: answers_of(endpoint, *values, **named)[-1]
        return endpoint

    return {name: plain(endpoint) for name, endpoint in endpoints(zoo, Comparer(zoo, ENGINE)).items()}
