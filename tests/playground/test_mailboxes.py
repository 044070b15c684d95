"""Results that wait to be read: how many, how large, and what is dropped first."""

import asyncio
import json
import sys
import time

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from server import Server

from nanogpt.playground.endpoints import MAX_TRACE
from nanogpt.playground.mailboxes import MAX_SESSIONS, Mailboxes


def test_the_session_unused_for_longest_is_dropped() -> None:
    pending = {f"s{i}": {f"event {i}"} for i in range(6)}
    boxes = Mailboxes(3, pending)
    for i in range(3):
        boxes[f"s{i}"] = asyncio.Queue()
    assert boxes["s0"] is boxes["s0"]  # what an open stream does again and again
    for i in range(3, 6):
        boxes[f"s{i}"] = asyncio.Queue()
        assert boxes["s0"].empty()
    assert list(boxes) == ["s4", "s5", "s0"]
    assert list(pending) == ["s0", "s4", "s5"]


def test_a_session_with_a_run_stays_while_there_are_others() -> None:
    pending: dict[str, set[str]] = {"running": {"event"}, "idle": set()}
    boxes = Mailboxes(3, pending)
    for session in ("running", "idle", "new", "newer"):
        boxes[session] = asyncio.Queue()
    assert list(boxes) == ["running", "new", "newer"]


def test_messages_for_a_dropped_session_go_nowhere() -> None:
    """Gradio's own cache raised a KeyError at the next message for it, and that stopped the queue for everyone."""
    boxes = Mailboxes(1, {})
    boxes["dropped"] = asyncio.Queue()
    boxes["kept"] = asyncio.Queue()
    boxes["dropped"].put_nowait("lost")
    assert boxes["dropped"].empty()
    assert list(boxes) == ["kept"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs more than one address of this machine")
def test_unread_results_leave_a_bounded_number_of_sessions(playground: Server) -> None:
    """Gradio kept the results of 2,000 sessions: 150 unread traces took 3 GB."""
    posted = []
    for address in range(2, 2 + MAX_SESSIONS // 25 + 1):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=f"127.0.0.{address}")) as client:
            for _ in range(25):
                while (answer := client.post(f"{playground.url}/gradio_api/call/models", json={"data": []})).is_error:
                    time.sleep(0.05)  # 64 wait already
                posted.append(answer.json()["event_id"])
    assert first_lines(playground, posted[0]) == ["event: error", 'data: "404: Not Found"']
    assert first_lines(playground, posted[-1]) == ["event: complete", 'data: [["bigram", "gpt"]]']


def first_lines(playground: Server, event: str) -> list[str]:
    with httpx.stream("GET", f"{playground.url}/gradio_api/call/models/{event}") as answer:
        lines = answer.iter_lines()
        return [next(lines), next(lines)]


def test_a_trace_is_json_text_of_limited_length(playground: Server) -> None:
    client = Client(playground.url, verbose=False)
    run = {"model": "gpt", "prompt": "abc", "seed": 3, "api_name": "/trace"}
    text = client.predict(max_new_tokens=20, **run)
    trace = json.loads(text)
    assert trace["text"] == client.predict(max_new_tokens=20, **{**run, "api_name": "/sample"})
    assert [step["char"] for step in trace["steps"]] == list(trace["text"])
    refusal = f"Number of characters must be a whole number from 1 to 500; got {MAX_TRACE + 1}."
    with pytest.raises(AppError, match=refusal):
        client.predict(max_new_tokens=MAX_TRACE + 1, **run)
    client.close()
