"""Damaged checkpoint folders: each gives a model or one CheckpointError within 2 s, and runs no code.

python tests/faults/fuzz_checkpoints.py 1000000
"""

import json
import os
import pickle
import random
import time
from pathlib import Path
from typing import Any

from campaign import Outcome, report
from small import build

from nanogpt.storage.checkpoint import CONFIG, TOKENIZER, WEIGHTS, CheckpointError, read_model, save
from nanogpt.text.tokenizer import CharTokenizer

SECONDS = 2.0
NASTY: list[Any] = [
    None, True, 0, -1, 2.5, 1e999, float("nan"), 2**40, 10**400, "", "x" * 2000, "\ud800", "../..", "<img onerror>", [],
    {}, [[]], {"a": {}}, [1] * 9, "gpt", "bigram", 16, 11, 8, 1, 3, {"model.safetensors": "0"},
]  # fmt: skip
PIECES = b'0123456789"{}[],:.-eE\\\x00\xff'


class Canary:
    """Unpickling this makes a folder: the sign that a file's code has run."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def with_bytes_changed(data: bytes, rng: random.Random) -> bytes:
    """Bytes replaced, dropped, doubled or inserted, most of them near the beginning, where the header is."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not damaged:
            break
        at = rng.randrange(min(len(damaged), rng.choice((12, 150, 2000, len(damaged)))))
        how = rng.randrange(5)
        if how == 0:
            damaged[at] = rng.randrange(256)
        elif how == 1:
            damaged[at] = rng.choice(PIECES)
        elif how == 2:
            del damaged[at : at + rng.randint(1, 20)]
        elif how == 3:
            damaged[at:at] = damaged[at : at + rng.randint(1, 20)]
        else:
            damaged[at:at] = bytes(rng.choices(PIECES, k=rng.randint(1, 9)))
    return bytes(damaged)


def with_a_value_changed(value: Any, rng: random.Random) -> Any:
    """A JSON value in which one place holds something nasty, or lacks, or has something more."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        how = rng.randrange(8)
        if how == 0:
            return {k: v for k, v in value.items() if k != key}
        if how == 1:
            return {**value, rng.choice(["x", "sha256", "__metadata__", "é" * 99, "lm_head.weight"]): rng.choice(NASTY)}
        return {**value, key: with_a_value_changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], with_a_value_changed(value[at], rng), *value[at + rng.randrange(2) :]]
    return rng.choice(NASTY)


def with_json_changed(data: bytes, rng: random.Random) -> bytes:
    """The same file with another JSON object, or another header: readable, and wrong."""
    is_weights = not data.startswith(b"{")
    length = int.from_bytes(data[:8], "little") if is_weights else len(data)
    header = data[8 : 8 + length] if is_weights else data
    changed = json.dumps(with_a_value_changed(json.loads(header), rng)).encode()
    if rng.randrange(10) == 0:
        changed = changed.replace(b"}", b', "model": "gpt"}', 1)  # often a key that stands twice
    return len(changed).to_bytes(8, "little") + changed + data[8 + length :] if is_weights else changed


def fuzz(folder: Path, count: int, seed: int = 0) -> Outcome:
    """Damage small checkpoints `count` times."""
    outcome, rng, canary = Outcome(), random.Random(seed), folder / "canary"
    kinds = {"bigram": 20, "mlp": 4, "gpt": 1}  # how often: small models load fast, and all are read by the same code
    whole: dict[str, dict[str, bytes]] = {}
    for kind in kinds:
        save(folder / kind, build(kind, n_layer=1), CharTokenizer("\nabcdefghij"))
        config = json.loads((folder / kind / CONFIG).read_text())
        (folder / kind / CONFIG).write_text(json.dumps({k: config[k] for k in ("model", "config")}))  # no digests
        read_model(folder / kind)  # the first time, PyTorch imports more of itself
        whole[kind] = {name: (folder / kind / name).read_bytes() for name in (CONFIG, TOKENIZER, WEIGHTS)}
    for _ in range(count):
        (kind,) = rng.choices(list(kinds), list(kinds.values()))
        name = rng.choice((CONFIG, TOKENIZER, WEIGHTS))
        data, how = whole[kind][name], rng.randrange(20)
        if how == 0:
            damaged = pickle.dumps(Canary(canary))
        elif how == 1:
            damaged = data[: rng.randrange(len(data))]
        else:
            damaged = (with_bytes_changed if how < 11 else with_json_changed)(data, rng)
        path = folder / kind / name
        path.write_bytes(damaged)
        began = time.process_time()
        try:
            read_model(folder / kind)
            outcome.counts["loaded"] += 1
        except CheckpointError:
            outcome.counts["refused"] += 1
        except Exception as error:
            outcome.failures.append(f"{kind}/{name} {damaged[:300]!r} → {error!r}")
        if time.process_time() - began > SECONDS:
            outcome.failures.append(f"{kind}/{name} {damaged[:300]!r} took {time.process_time() - began:.1f} s")
        path.write_bytes(data)
    if canary.exists():
        outcome.failures.append("code of a file has run")
    return outcome


if __name__ == "__main__":
    raise SystemExit(report("damaged checkpoints", fuzz, 5_000))
