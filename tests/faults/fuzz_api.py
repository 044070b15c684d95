"""Junk sent to every address of a running app: each answer is a result or a sentence, and the log holds no traceback.

python tests/faults/fuzz_api.py 10000
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from campaign import Outcome, report
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from server import Server
from small import build

from nanogpt.storage.checkpoint import save
from nanogpt.text.tokenizer import CharTokenizer

# What the listeners of the page read of an event.
EVENTS = ("char", "beginning", "layer", "head", "exact", "index", "context", "value")
TEXTS = ["", "abc", "\ud800", "\0", "a" * 2001, "🙂", "<img src=x>", "../..", "gpt", "side_1.text.1", "--5", "1.1"]
NUMBERS = [0, -1, 1, 2, 2.5, 1e308, float("nan"), float("inf"), 2**32, 10**30, True]
TIMEOUT = 60.0  # seconds


def junk() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.sampled_from(TEXTS) | st.text(max_size=8)
    names = st.sampled_from([*EVENTS, "beginnings", "at", "id", "pace", "text", "prompt", "model", "path", "meta"])
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=6
    )


@dataclass
class Target:
    """A function of the app: how it is named, and values that it takes."""

    index: int
    name: str
    values: list[Any]
    is_public: bool
    is_queued: bool
    names: list[str]


def targets_of(client: httpx.Client) -> list[Target]:
    """Every function that can be asked for, the page's own listeners among them."""
    config = client.get("/config").json()
    shown = {part["id"]: part["props"].get("value") for part in config["components"]}
    public = client.get("/gradio_api/info").json()["named_endpoints"]
    found = []
    for fn in (fn for fn in config["dependencies"] if fn["backend_fn"]):  # the others run in the browser
        told = public.get(f"/{fn['api_name']}", {}).get("parameters", [])
        values = [p["parameter_default"] for p in told] if told else [shown[i] for i in fn["inputs"]]
        names = [p["parameter_name"] for p in told]
        found.append(Target(fn["id"], str(fn["api_name"]), values, bool(told), fn["queue"], names))
    return found


@st.composite
def requests(draw: st.DrawFn, targets: list[Target]) -> tuple[str, Any]:
    """(path, body): mostly right, wrong in a few places; sometimes all junk."""
    target = draw(st.sampled_from(targets))
    values = [draw(junk()) if draw(st.integers(0, 9)) == 0 else value for value in target.values]
    change = draw(st.integers(0, 19))
    values = values[:-1] if change == 0 else [*values, draw(junk())] if change == 1 else values
    session = draw(st.uuids()).hex
    body: dict[str, Any] = {"data": values, "fn_index": target.index, "session_hash": session}
    if draw(st.booleans()):
        events = st.dictionaries(st.sampled_from(EVENTS), junk(), max_size=8)
        body["event_data"] = draw(events | junk())
    paths = ["/queue/join"] if target.is_queued else ["/queue/join", "/run/predict", f"/run/{target.name}"]
    if target.is_public:
        paths += [f"/call/{target.name}", f"/call/v2/{target.name}"] * 2
    path = draw(st.sampled_from(paths))
    if path.startswith("/call/v2"):
        body = dict(zip(target.names, values, strict=False))
    elif path.startswith("/call"):
        body = {"data": values}
    how = draw(st.integers(0, 19))
    if how == 0:
        return path, draw(junk())
    if how == 1:
        key = draw(
            st.sampled_from([*body, "trigger_id", "event_id", "batched", "simple_format"]) if body else st.just("data")
        )
        return path, {**body, key: draw(junk())}
    if how == 2:
        return draw(st.sampled_from(["/cancel", "/reset", "/call/nothing", "/call/v2/nothing", "/run/nothing"])), body
    return path, body


def problem_with(client: httpx.Client, path: str, body: Any, answers: Counter[str]) -> str:
    """What is wrong with the answer to a request; "" if nothing is."""
    sent = json.dumps(body).encode("ascii")
    answer = client.post(f"/gradio_api{path}", content=sent, headers={"Content-Type": "application/json"})
    answers[str(answer.status_code)] += 1
    if answer.status_code >= 400:
        is_sentence = " " in told(answer) and answer.status_code < 500
        return "" if is_sentence else f"{answer.status_code} {answer.text[:300]}"
    given = answer.json()
    if path.startswith("/call"):
        return problem_in_stream(client, f"/gradio_api{path}/{given['event_id']}", answers)
    if path == "/queue/join":
        return problem_in_stream(client, f"/gradio_api/queue/data?session_hash={body['session_hash']}", answers)
    return ""


def told(answer: httpx.Response) -> str:
    try:
        read = answer.json()
    except ValueError:
        return answer.text
    detail = read.get("detail") or read.get("error") if isinstance(read, dict) else None
    return detail if isinstance(detail, str) else ""


def problem_in_stream(client: httpx.Client, path: str, answers: Counter[str]) -> str:
    """What is wrong with the messages of a run, read to their end."""
    failed = False
    with client.stream("GET", path) as stream:
        for line in stream.iter_lines():
            if line == "event: error":
                failed = True
            elif line.startswith("data: ") and path.startswith("/gradio_api/call"):
                if failed:
                    answers["refused in a stream"] += 1
                    read = json.loads(line.removeprefix("data: "))
                    error = read.get("error") if isinstance(read, dict) else read
                    return "" if isinstance(error, str) and " " in error else line
            elif line.startswith("data: "):
                message = json.loads(line.removeprefix("data: "))
                if message["msg"] == "process_completed":
                    error = message["output"].get("error")
                    answers["completed" if message["success"] else "refused in a stream"] += 1
                    return "" if message["success"] or (isinstance(error, str) and " " in error) else line
                if message["msg"] == "unexpected_error":
                    return line
    return ""


def fuzz(server: Server, count: int) -> Outcome:
    """Send `count` requests; the server must answer each, and stay."""
    outcome = Outcome()
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:

        @settings(
            max_examples=count,
            database=None,
            derandomize=True,
            deadline=None,
            phases=[Phase.generate],  # every failure is wanted, none of them smaller
            suppress_health_check=list(HealthCheck),
        )
        @given(requests(targets_of(client)))
        def send(request: tuple[str, Any]) -> None:
            path, body = request
            if problem := problem_with(client, path, body, outcome.counts):
                outcome.failures.append(f"{path} {json.dumps(body)[:400]} → {problem}")

        send()
        models = client.post("/gradio_api/call/models", json={"data": []}).json()
        if problem := problem_in_stream(client, f"/gradio_api/call/models/{models['event_id']}", Counter()):
            outcome.failures.append(f"afterwards: {problem}")
    if "Traceback" in (log := server.log.read_text()):
        last = log[log.rindex("Traceback") :][:3000]
        outcome.failures.append(f"{log.count('Traceback')} tracebacks in the log, the last: {last}")
    return outcome


def fuzz_in(folder: Path, count: int) -> Outcome:
    """The same on a server of its own, with two small models."""
    for kind in ("bigram", "gpt"):
        save(folder / "checkpoints" / kind, build(kind), CharTokenizer("\n abcdefghi"))
    server = Server(folder / "checkpoints", folder / "log")
    try:
        return fuzz(server, count)
    finally:
        server.stop()


if __name__ == "__main__":
    raise SystemExit(report("API payloads", fuzz_in, 500))
