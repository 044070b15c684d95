"""Many visitors press Generate at once: when each sees a first character, when all is complete, how many fail.

    python tests/load/visitors.py 32 --length 300
    python tests/load/visitors.py 20 --seconds 1800      # each again and again, for half an hour
    python tests/load/visitors.py 100 --seconds 60 --check
    python tests/load/visitors.py 1 --after 50               # after fifty who vanish in the middle of their runs
    python tests/load/visitors.py 20 --runs 1000 --mixed --check      # every run another, some left on the way

Starts the app, and posts what the page posts, over HTTP. Prints seconds, characters a second, the gaps between the
updates of one visitor, and the server's memory and threads, at the start, each minute, and at the end.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import quantiles
from typing import TypeVar

import httpx
from tqdm import tqdm

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
from server import CHECKPOINTS, Server  # noqa: E402

import nanogpt  # noqa: E402
from nanogpt.generation.sampling import MAX_NEW_TOKENS, SamplingParams  # noqa: E402

VISITORS_OF_AN_ADDRESS = 30
PROMPT, MODELS = "ROMEO:\n", ("bigram", "gpt")
OTHERS = ("trigram", "mlp", "self_attention", *MODELS)
PROMPTS = ("", "A", "ROMEO:\n", "First Citizen:\nBefore we proceed any further, hear me speak.\n" * 5)


@dataclass
class Visit:
    """What one run looked like to its visitor; times in seconds after it was asked for."""

    models: tuple[str, str]
    prompt: str
    params: SamplingParams
    leaves: int = 0  # after so many updates; 0 stays
    first: float = 0.0
    complete: float = 0.0  # both texts are there; the card and the track follow
    updates: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.updates, self.updates[1:], strict=False)]


T = TypeVar("T")
Asked = Callable[[int, random.Random], Visit]


def alike(length: int, luck: random.Random) -> Visit:
    """What every visitor of a class asks for, each with a seed of its own."""
    return Visit(MODELS, PROMPT, SamplingParams(temperature=0.8, max_new_tokens=length, seed=luck.randrange(2**32)))


def another(length: int, luck: random.Random) -> Visit:
    """Whatever a visitor may ask for; one in five leaves on the way."""
    params = SamplingParams(
        temperature=luck.choice((0, 0.5, 0.8, 1, 1.5)),
        top_k=luck.choice((0, 0, 5, 40)),
        top_p=luck.choice((1, 1, 0.9)),
        max_new_tokens=luck.randint(1, length),
        seed=luck.randrange(2**32),
    )
    models = (luck.choice(OTHERS), luck.choice(OTHERS))
    return Visit(models, luck.choice(PROMPTS), params, luck.randint(1, 5) if luck.random() < 0.2 else 0)


async def visit(client: httpx.AsyncClient, url: str, fn: int, found: Visit) -> None:
    """Ask for one run of two models as the page does, and read its frames."""
    p = found.params
    session = f"{random.getrandbits(64):016x}"
    run = [found.prompt, p.temperature, p.top_k, p.top_p, p.max_new_tokens, p.seed, "sample", 4, 2, 0]
    body = {
        "fn_index": fn,
        "session_hash": session,
        "data": [{"id": 1, "pace": "whole"}, *run, *found.models, *found.models],
    }
    began = time.perf_counter()
    answer = await client.post(f"{url}/gradio_api/queue/join", json=body)
    if answer.is_error:
        found.error = f"{answer.status_code} {answer.text[:100]}"
        return
    async with client.stream("GET", f"{url}/gradio_api/queue/data?session_hash={session}") as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            message = json.loads(line[6:])
            if message["msg"] == "process_generating":
                found.updates.append(time.perf_counter() - began)
                first = message["output"]["data"][0]
                if found.leaves and len(found.updates) >= found.leaves:
                    return
                if not found.complete and '"done"' in line:
                    found.complete = found.updates[-1]
                if not found.first and not (isinstance(first, dict) and not first.get("text")):
                    found.first = found.updates[-1]
            elif message["msg"] == "process_completed":
                found.updates.append(time.perf_counter() - began)
                if not message["success"]:
                    found.error = str(message["output"])
                else:
                    found.complete = found.complete or found.updates[-1]  # a known run comes in one piece
                    panels = message["output"]["data"][:2]
                    found.texts = [panel["text"] for panel in panels]
                    found.error = next((panel["notice"] for panel in panels if panel["status"] != "done"), "")
                return


async def visitors(
    url: str, count: int, length: int, seconds: float, seed: int, runs: int = 0, asked: Asked = alike
) -> tuple[list[Visit], float]:
    """So many visitors at once, each of them again and again for `seconds`, or until there were so many `runs`."""
    config = httpx.get(f"{url}/config").json()
    (fn,) = [d["id"] for d in config["dependencies"] if d["api_name"] == "run"]
    luck, found = random.Random(seed), []
    began = time.perf_counter()
    clients = [
        httpx.AsyncClient(timeout=120, transport=httpx.AsyncHTTPTransport(local_address=f"127.0.0.{2 + i}"))
        for i in range(-(-count // VISITORS_OF_AN_ADDRESS))
    ]

    async def come(i: int) -> None:
        while True:
            client = clients[i // VISITORS_OF_AN_ADDRESS]
            found.append(asked(length, luck))
            await visit(client, url, fn, found[-1])
            if len(found) >= runs and time.perf_counter() - began >= seconds:
                return
            await asyncio.sleep(luck.random())

    await asyncio.gather(*(come(i) for i in range(count)))
    return found, time.perf_counter() - began


def written_differently(found: Sequence[Visit]) -> int:
    """How many of the texts differ from what the same model writes alone."""
    models = {name: nanogpt.load(CHECKPOINTS / name) for name in OTHERS}
    wrong = 0
    warnings.simplefilter("ignore")  # about beginnings that are empty or long
    for visit in tqdm([v for v in found if v.texts], "the same runs alone", disable=None):
        alone = [nanogpt.generate(models[name], visit.prompt, **vars(visit.params)) for name in visit.models]
        wrong += sum(text != expected for text, expected in zip(visit.texts, alone, strict=True))
    return wrong


def memory_and_threads(process: int) -> tuple[float, int]:
    """Resident megabytes and threads of a process (Linux)."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(told["VmRSS"].split()[0]) / 1024, int(told["Threads"])


async def vanish(url: str, count: int) -> None:
    """So many visitors ask for the longest runs at once, and are gone after the first character."""
    await visitors(url, count, MAX_NEW_TOKENS, 0, 0, asked=lambda length, luck: replace(alike(length, luck), leaves=1))


async def watched(process: int, work: Awaitable[T]) -> tuple[T, list[tuple[float, int]]]:
    """The result of some work, and the memory and threads of a process meanwhile, once a minute and at the end."""
    seen: list[tuple[float, int]] = []

    async def look() -> None:
        while True:
            await asyncio.sleep(60)
            seen.append(memory_and_threads(process))

    looking = asyncio.create_task(look())
    result = await work
    looking.cancel()
    return result, [*seen, memory_and_threads(process)]


def row(name: str, values: list[float]) -> str:
    cuts = quantiles(values, n=20) if len(values) > 1 else values * 20
    return f"{name:22} median {cuts[9]:6.2f} s   95 % {cuts[18]:6.2f} s   last {max(values):6.2f} s"


def report(found: list[Visit], seconds: float) -> list[str]:
    """The lines that are printed."""
    good = [v for v in found if v.texts and not v.error]
    left = sum(not v.texts and not v.error for v in found)
    lines = [
        f"runs {len(found)}, errors {len(found) - len(good) - left}" + (f", left on the way {left}" if left else "")
    ]
    lines += [f"  {error}" for error in sorted({v.error for v in found if v.error})[:5]]
    if good:
        lines += [
            row("first character", [v.first for v in good]),
            row("both texts complete", [v.complete for v in good]),
            row("card and track too", [v.updates[-1] for v in good]),
            row("between two updates", [gap for v in good for gap in v.gaps] or [0.0]),
            f"characters a second     {sum(2 * v.params.max_new_tokens for v in good) / seconds:,.0f}",
        ]
    return lines


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("visitors", type=int, help="how many at once")
    parser.add_argument("--length", type=int, default=300, help="characters of each of the two texts (default 300)")
    parser.add_argument("--seconds", type=float, default=0, help="come again for so long (default: once)")
    parser.add_argument("--runs", type=int, default=0, help="come again until there were so many (default: once)")
    parser.add_argument("--after", type=int, default=0, help="come after so many who vanish (default 0)")
    parser.add_argument("--mixed", action="store_true", help="every run has models, settings and a length of its own")
    parser.add_argument("--check", action="store_true", help="write every text again, alone, and compare")
    parser.add_argument("--seed", type=int, default=1, help="of the visitors' own seeds (default 1)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(CHECKPOINTS, Path(folder) / "log")
        try:
            asyncio.run(visitors(server.url, 1, args.length, 0, 0))  # the first run loads the models
            before = memory_and_threads(server.process.pid)
            if args.after:
                asyncio.run(vanish(server.url, args.after))
            asked = another if args.mixed else alike
            many = visitors(server.url, args.visitors, args.length, args.seconds, args.seed, args.runs, asked)
            (found, seconds), seen = asyncio.run(watched(server.process.pid, many))
        finally:
            server.stop()
    print("\n".join(report(found, seconds)))
    memory, threads = zip(before, *seen, strict=True)
    print("memory, MB     ", *(f"{one:.0f}" for one in memory[:: max(1, len(memory) // 15)]), f"… {memory[-1]:.0f}")
    print("threads        ", *threads[:: max(1, len(threads) // 15)], "…", threads[-1])
    wrong = written_differently(found) if args.check else 0
    if args.check:
        print(f"texts that differ from the same run alone: {wrong} of {sum(len(v.texts) for v in found)}")
    return int(wrong > 0 or any(v.error for v in found))


if __name__ == "__main__":
    sys.exit(main())
