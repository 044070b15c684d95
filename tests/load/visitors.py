"""Many visitors press Generate at once: when each sees a first character, when all is complete, how many fail.

    python tests/load/visitors.py 32 --length 300
    python tests/load/visitors.py 20 --seconds 1800      # each again and again, for half an hour

Starts the app, and posts what the page posts, over HTTP. Prints seconds, characters a second, the gaps between the
updates of one visitor, and the server's memory and threads.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from server import CHECKPOINTS, Server

VISITORS_OF_AN_ADDRESS = 30


@dataclass
class Visit:
    """What one run looked like to its visitor; times in seconds after it was asked for."""

    first: float = 0.0
    updates: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.updates, self.updates[1:], strict=False)]


async def visit(client: httpx.AsyncClient, url: str, fn: int, seed: int, length: int) -> Visit:
    """Ask for one run of two models as the page does, and read its frames."""
    session, found = f"{seed:08x}", Visit()
    run = ["ROMEO:\n", 0.8, 0, 1, length, seed, "sample", 4, 2, 0, "bigram", "gpt", "trigram", "self_attention"]
    body = {"fn_index": fn, "session_hash": session, "data": [{"id": 1, "pace": "whole"}, *run]}
    began = time.perf_counter()
    answer = await client.post(f"{url}/gradio_api/queue/join", json=body)
    if answer.is_error:
        found.error = f"{answer.status_code} {answer.text[:100]}"
        return found
    async with client.stream("GET", f"{url}/gradio_api/queue/data?session_hash={session}") as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            message = json.loads(line[6:])
            if message["msg"] == "process_generating":
                found.updates.append(time.perf_counter() - began)
                first = message["output"]["data"][0]
                if not found.first and not (isinstance(first, dict) and not first.get("text")):
                    found.first = found.updates[-1]
            elif message["msg"] == "process_completed":
                found.updates.append(time.perf_counter() - began)
                if not message["success"]:
                    found.error = str(message["output"])
                else:
                    found.texts = [panel["text"] for panel in message["output"]["data"][:2]]
                break
    return found


async def visitors(url: str, count: int, length: int, seconds: float, seed: int) -> tuple[list[Visit], float]:
    """So many visitors at once, each of them again and again for `seconds`."""
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
            found.append(await visit(client, url, fn, luck.randrange(2**32), length))
            if time.perf_counter() - began >= seconds:
                return
            await asyncio.sleep(luck.random())

    await asyncio.gather(*(come(i) for i in range(count)))
    return found, time.perf_counter() - began


def memory_and_threads(process: int) -> tuple[float, int]:
    """Resident megabytes and threads of a process (Linux)."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(told["VmRSS"].split()[0]) / 1024, int(told["Threads"])


def row(name: str, values: list[float]) -> str:
    cuts = quantiles(values, n=20) if len(values) > 1 else values * 20
    return f"{name:22} median {cuts[9]:6.2f} s   95 % {cuts[18]:6.2f} s   last {max(values):6.2f} s"


def report(found: list[Visit], seconds: float, length: int) -> list[str]:
    """The lines that are printed."""
    good = [v for v in found if not v.error]
    lines = [f"runs {len(found)}, errors {len(found) - len(good)}"]
    lines += [f"  {error}" for error in sorted({v.error for v in found if v.error})[:5]]
    if good:
        lines += [
            row("first character", [v.first for v in good]),
            row("complete", [v.updates[-1] for v in good]),
            row("between two updates", [gap for v in good for gap in v.gaps] or [0.0]),
            f"characters a second     {2 * length * len(good) / seconds:,.0f}",
        ]
    return lines


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("visitors", type=int, help="how many at once")
    parser.add_argument("--length", type=int, default=300, help="characters of each of the two texts (default 300)")
    parser.add_argument("--seconds", type=float, default=0, help="come again for so long (default: once)")
    parser.add_argument("--seed", type=int, default=1, help="of the visitors' own seeds (default 1)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(CHECKPOINTS, Path(folder) / "log")
        try:
            asyncio.run(visitors(server.url, 1, args.length, 0, 0))  # the first run loads the models
            before = memory_and_threads(server.process.pid)
            found, seconds = asyncio.run(visitors(server.url, args.visitors, args.length, args.seconds, args.seed))
            after = memory_and_threads(server.process.pid)
        finally:
            server.stop()
    print("\n".join(report(found, seconds, args.length)))
    print(f"memory {before[0]:.0f} → {after[0]:.0f} MB, threads {before[1]} → {after[1]}")
    return int(any(v.error for v in found))


if __name__ == "__main__":
    sys.exit(main())
