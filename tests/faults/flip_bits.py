"""Single bits flipped in the files of a checkpoint and of a saved state: none is ever used with another meaning.

python tests/faults/flip_bits.py 100000
"""

import random
from pathlib import Path

import torch
from campaign import Outcome, report
from small import build

from nanogpt.storage.checkpoint import CONFIG, TOKENIZER, WEIGHTS, CheckpointError, read_model, save
from nanogpt.storage.states import latest_state, save_state
from nanogpt.text.tokenizer import CharTokenizer


def meaning_of_model(folder: Path) -> str:
    model, tokenizer = read_model(folder)
    weights = [p.detach().numpy().tobytes() for p in model.parameters()]
    return repr((model.config, tokenizer.chars, weights))


def meaning_of_state(folder: Path) -> str:
    found = latest_state(folder)
    return "" if found is None else repr(({n: t.numpy().tobytes() for n, t in found[0].items()}, found[1]))


def flip(folder: Path, count: int, seed: int = 0) -> Outcome:
    """Flip `count` bits, one at a time: each file is refused, or means what it meant."""
    outcome, rng = Outcome(), random.Random(seed)
    model, state = folder / "model", folder / "state"
    save(model, build("bigram"), CharTokenizer("\nabcdefghij"))
    info = {
        "seconds": 1.5,
        "metrics_bytes": 120,
        "config": {"model": "bigram", "max_iters": 8},
        "scaler": {"scale": 2.0},
    }
    save_state(state, 4, {"model.table": torch.arange(12.0), "optimizer.0.1.step": torch.tensor(4.0)}, info)
    paths = [*(model / name for name in (CONFIG, TOKENIZER, WEIGHTS)), *sorted(state.iterdir())]
    meant = meaning_of_model(model), meaning_of_state(state)
    for _ in range(count):
        path = rng.choice(paths)
        data = path.read_bytes()
        bit = rng.randrange(8 * len(data))
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found = meaning_of_model(model), meaning_of_state(state)
        except CheckpointError:
            outcome.counts["refused"] += 1
        else:
            if found == meant:
                outcome.counts["of the same meaning"] += 1
            elif found == (meant[0], ""):
                outcome.counts["refused"] += 1
            else:
                outcome.failures.append(f"bit {bit} of {path.name} changes what is loaded")
        path.write_bytes(data)
    return outcome


if __name__ == "__main__":
    raise SystemExit(report("flipped bits", flip, 1_000))
