"""Calls that Gradio could only fail at are refused in a sentence, with status 400."""

from typing import Any

import httpx
import pytest
from server import Server


def refusal(playground: Server, path: str, body: Any) -> str:
    answer = httpx.post(f"{playground.url}/gradio_api/{path}", json=body)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["detail"])


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("call/sample", {"data": ["gpt"]}, "sample takes 10 values; got 1."),
        ("call/sample/", {"data": ["gpt"] * 11}, "sample takes 10 values; got 11."),
        ("call/models", {"data": [1]}, "models takes 0 values; got 1."),
        ("call/sample", {"data": "gpt"}, "data must be a list; got gpt."),
        ("call/sample", {}, "data must be a list; got None."),
        ("call/sample", [], "The body of a call must be a JSON object."),
        ("call/sample", None, "The body of a call must be a JSON object."),
        ("call/nothing", {"data": []}, "There is no such function."),
        ("call/nothing", {"data": [], "fn_index": 0}, "There is no such function."),
        ("call/v2/nothing", {}, "There is no such function."),
        ("call/v2/remembered", {}, "There is no such function."),
        ("call/v2/score", {"txet": "a"}, "score takes model, text, off, context; got txet."),
        ("call/v2/models", {"a": 1}, "models takes nothing; got a."),
        ("run/nothing", {"data": []}, "There is no such function."),
        ("queue/join", {"data": [], "fn_index": 10**6, "session_hash": "s"}, "There is no such function."),
        ("queue/join", {"data": [], "fn_index": True, "session_hash": "s"}, "fn_index must be a whole number"),
        ("queue/join", {"data": [], "fn_index": 0}, "session_hash must be a text; got None."),
        ("queue/join", {"data": [], "fn_index": 0, "session_hash": 1}, "session_hash must be a text; got 1."),
        ("cancel", {"session_hash": "s"}, "event_id must be a text; got None."),
        ("reset", {}, "event_id must be a text; got None."),
    ],
)  # fmt: skip
def test_a_call_that_cannot_succeed_gets_a_sentence(path: str, body: Any, message: str, playground: Server) -> None:
    """Too few values gave `error: null` and a traceback in the log; other bodies a bare status."""
    assert refusal(playground, path, body).startswith(message)
    assert "Traceback" not in playground.log.read_text()


def test_a_run_may_be_stopped_before_its_id_is_known(playground: Server) -> None:
    """Gradio's script then sends null. The answer was 400, which the browser reports as an error."""
    for path, body in (("cancel", {"session_hash": "s", "fn_index": 0}), ("reset", {})):
        answer = httpx.post(f"{playground.url}/gradio_api/{path}", json={**body, "event_id": None})
        assert (answer.status_code, answer.json()) == (200, {"success": True})


def test_what_a_listener_refuses_at_once_is_no_error_of_the_server(playground: Server) -> None:
    """Gradio gives a refusal outside the queue the status 500."""
    fns = httpx.get(f"{playground.url}/config").json()["dependencies"]
    (fn,) = [fn for fn in fns if fn["api_name"] == "branch"]
    body = {"fn_index": fn["id"], "session_hash": "s", "data": [None], "event_data": {"char": "a", "beginning": "b"}}
    answer = httpx.post(f"{playground.url}/gradio_api/run/predict", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "Trail must hold 1 to 20 beginnings; got None."


def test_through_the_queue_the_page_s_memory_counts(playground: Server) -> None:
    """`finish` without its first value, which only the page remembers, gave `error: null` and a traceback."""
    fns = httpx.get(f"{playground.url}/config").json()["dependencies"]
    (fn,) = [fn for fn in fns if fn["api_name"] == "finish"]
    count = len(fn["inputs"])
    body = {"fn_index": fn["id"], "session_hash": "s", "data": [None] * (count - 1)}
    assert refusal(playground, "queue/join", body) == f"finish takes {count} values; got {count - 1}."


def test_calls_that_can_succeed_pass(playground: Server) -> None:
    for path, body in (
        ("call/score", {"data": ["gpt", "abc", "", 0]}),
        ("call/v2/score", {"text": "abc"}),
        ("call/v2/models", {}),
    ):
        assert httpx.post(f"{playground.url}/gradio_api/{path}", json=body).json()["event_id"]
