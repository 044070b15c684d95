"""Runs that nobody reads end, and nobody may have too many: whatever one visitor does, the next one is served."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache

import httpx
import pytest
from gradio_client import Client
from randomised import randomise
from server import Server

from nanogpt.models import build_model, make_config
from nanogpt.playground.admission import PER_ADDRESS, PER_SESSION, UNREAD
from nanogpt.storage.checkpoint import save
from nanogpt.text.tokenizer import CharTokenizer

pytestmark = pytest.mark.alone
addresses = pytest.mark.skipif(sys.platform != "linux", reason="needs more than one address of this machine")

SOON = UNREAD + 3  # seconds until a visitor is served: about 7 here; the runs below would take minutes
PAGE = [2_000, 1, "sample", 4, 4, 0, "gpt", "gpt", "gpt", "gpt"]  # four sides, stopped after 20 s
POSTS = {
    "run": [{"id": 1, "pace": "whole"}, "abc", 0.8, 0, 1, *PAGE],
    "sample": ["gpt", "abc", 0.8, 0, 1, 2_000, 1, 8, "", 0],  # the widest beam: half a minute
    "trace": ["gpt", "abc", 0.8, 0, 1, 500, 1],
    "models": [],
}
Post = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The page on a GPT that takes its time."""
    folder = tmp_path_factory.mktemp("slow")
    config = make_config("gpt", {"vocab_size": 11, "block_size": 256, "n_layer": 8, "n_head": 8, "n_embd": 256})
    save(folder / "checkpoints" / "gpt", randomise(build_model(config), 0), CharTokenizer("\n abcdefghi"))
    server = Server(folder / "checkpoints", folder / "log")
    yield server
    server.stop()
    # A run of POSTS that is refused at once proves nothing.
    assert "didn't receive enough" not in server.log.read_text()


@pytest.fixture
def post(slow: Server) -> Iterator[Post]:
    """post(a name of POSTS, session, address) → the answer to a run posted as the page does."""
    ids = {fn["api_name"]: fn["id"] for fn in httpx.get(f"{slow.url}/config").json()["dependencies"]}
    with ExitStack() as stack:

        @cache
        def client_at(address: str) -> httpx.Client:
            return stack.enter_context(httpx.Client(transport=httpx.HTTPTransport(local_address=address)))

        def send(name: str, session: str, address: str = "127.0.0.1") -> httpx.Response:
            body = {"fn_index": ids[name], "session_hash": session, "data": POSTS[name]}
            return client_at(address).post(f"{slow.url}/gradio_api/queue/join", json=body)

        yield send


def messages(server: Server, session: str, seconds: float) -> list[str]:
    """The kinds of the messages that a session's stream gives in that time."""
    until = time.monotonic() + seconds
    kinds = []
    with httpx.stream("GET", f"{server.url}/gradio_api/queue/data", params={"session_hash": session}) as answer:
        for line in filter(None, answer.iter_lines()):
            kinds.append(json.loads(line.removeprefix("data: "))["msg"])
            if time.monotonic() > until or kinds[-1] in ("close_stream", "unexpected_error"):
                break
    return kinds


def served(server: Server) -> float:
    """The seconds until a visitor who comes now has an answer of the model."""
    began = time.monotonic()
    client = Client(server.url, verbose=False)
    assert len(client.predict("gpt", "abc", max_new_tokens=5, api_name="/sample")) == 5
    client.close()
    return time.monotonic() - began


@addresses
@pytest.mark.parametrize(("name", "address"), [("run", "127.0.0.3"), ("sample", "127.0.0.4"), ("trace", "127.0.0.5")])
def test_unread_runs_are_over_soon(name: str, address: str, slow: Server, post: Post) -> None:
    """75 posts that nobody read filled the queue, and everyone else was refused for ten minutes."""
    for i in range(30):
        assert post(name, f"{name} {i}", address).is_success
    posted = time.monotonic()
    assert served(slow) < (SOON if name == "trace" else UNREAD)  # what nobody reads is not even begun to be written
    while httpx.get(f"{slow.url}/gradio_api/queue/status").json()["queue_size"]:
        assert time.monotonic() - posted < SOON
        time.sleep(0.2)


def test_a_run_that_is_read_goes_on(slow: Server, post: Post) -> None:
    assert post("run", "reader").is_success
    kinds = messages(slow, "reader", 2 * UNREAD)
    assert kinds.count("process_generating") > 10
    assert kinds[-1] != "process_completed"


def test_a_page_may_be_slow_to_open_its_stream(slow: Server, post: Post) -> None:
    """On a busy machine its runs were ended before it came for them, and it loaded itself again and again."""
    with httpx.stream("GET", f"{slow.url}/gradio_api/heartbeat/slow"):
        assert post("run", "slow").is_success
        time.sleep(UNREAD + 1)
        assert "process_generating" in messages(slow, "slow", 1)


def test_a_visitor_who_leaves_ends_the_runs(slow: Server, post: Post) -> None:
    for name in ("run", "sample"):  # one from the page, one from a program
        assert post(name, "leaves").is_success
    messages(slow, "leaves", 1)
    assert served(slow) < SOON


def test_an_unread_result_is_forgotten(slow: Server, post: Post) -> None:
    answer = post("models", "forgetful")
    assert answer.is_success
    time.sleep(UNREAD + 1)
    assert messages(slow, "forgetful", 1) == ["unexpected_error"]
    with httpx.stream("GET", f"{slow.url}/gradio_api/call/models/{answer.json()['event_id']}") as stream:
        assert next(stream.iter_lines()) == "event: error"


@addresses
def test_a_run_too_many_is_refused_in_words(slow: Server, post: Post) -> None:
    """Results that nobody has read count like runs."""
    answers = [post("models", "one page") for _ in range(PER_SESSION + 1)]
    assert [answer.status_code for answer in answers] == [200] * PER_SESSION + [429]
    told = {"detail": f"A page may have {PER_SESSION} runs at once. Wait until one of yours is complete."}
    assert answers[-1].json() == told

    # As fast as they can: the first of them end after UNREAD.
    with ThreadPoolExecutor(8) as pages:
        posts = [pages.submit(post, "models", f"page {i}") for i in range(PER_ADDRESS - PER_SESSION)]
        answers = [each.result() for each in posts] + [post("models", "page too many")]
    assert [answer.status_code for answer in answers] == [200] * (PER_ADDRESS - PER_SESSION) + [429]
    told = {"detail": f"One address may have {PER_ADDRESS} runs at once. Wait until one of them is complete."}
    assert answers[-1].json() == told

    assert post("models", "another visitor", "127.0.0.2").is_success
    assert post("models", "one page", "127.0.0.2").status_code == 429
    time.sleep(SOON)
    assert post("models", "one page").is_success


def test_results_that_are_read_count_no_more(slow: Server, post: Post) -> None:
    for _ in range(2 * PER_SESSION):
        assert post("models", "diligent").is_success
        assert messages(slow, "diligent", 60)[-2:] == ["process_completed", "close_stream"]
