"""What a visitor's request may cost, and how a refusal reaches the page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import gradio as gr
from anyio import CapacityLimiter, to_thread

from nanogpt.checks import shorter_than
from nanogpt.text.tokenizer import normalise

MAX_SCORED = 2_000  # characters
# Two cores, one torch thread each: more readings at once would only slow each other down. Listeners that share a
# concurrency_id share the limit, and each of them must name it.
MODEL_LIMIT: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "models"}
# Runs only wait for the engine's thread, which writes them together; those that find no place there wait in its order.
WRITING_LIMIT: dict[str, Any] = {"concurrency_limit": 128, "concurrency_id": "writing"}
MAX_WAITING = 128  # requests in Gradio's queue, beside those that are being answered; more are refused
# A listener of the page: Gradio shows no progress over its outputs and does not document it as part of the API. One
# whose output is a layout also needs `show_progress_on` a small component: Gradio's front end walks through every
# component that once had a progress state, and all it contains, at every message of any run.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# One request at a time, and the latest value wins: dragging a slider never queues up runs.
LATEST: dict[str, Any] = {"trigger_mode": "always_last"}
AT_ONCE: dict[str, Any] = {**QUIET, "queue": False}  # for listeners that ask no model


READERS = CapacityLimiter(2)  # threads that read complete texts: runs of a class end together
T = TypeVar("T")


async def in_thread(work: Callable[..., T], *values: Any) -> T:
    """Do something that may take long, like loading a model, while the server's event loop goes on."""
    return await to_thread.run_sync(partial(work, *values))


async def in_reading_thread(work: Callable[..., T], *values: Any) -> T:
    """Let a model read complete texts while the server's event loop goes on."""
    return await to_thread.run_sync(partial(work, *values), limiter=READERS)


def scored_within_limit(text: Any) -> str:
    """Return a text to score as it was given. Raises ValueError for what is no text, or too long."""
    shorter_than("Text to score", normalise(text), MAX_SCORED)
    return str(text)


@contextmanager
def refused() -> Iterator[None]:
    """A refused value, or a run over its time, becomes the message that the visitor reads. No other error does."""
    try:
        yield
    except (ValueError, TimeoutError) as error:
        raise gr.Error(str(error), print_exception=False, title="Refused") from error
