"""Runs that are killed at random moments and resumed: nothing saved is lost, and the end is bit-equal.

python tests/faults/kill_loop.py 1000
"""

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import torch
from campaign import Outcome, report
from short_runs import SMALL, result

from nanogpt.storage.atomic import LEFTOVER
from nanogpt.storage.checkpoint import CheckpointError, read_model
from nanogpt.storage.states import latest_state
from nanogpt.training.config import TrainConfig
from nanogpt.training.presets import resolve
from nanogpt.training.trainer import train

STEPS = {
    "max_iters": 120,
    "save_interval": 1,
    "eval_interval": 40,
    "log_interval": 10,
    "dropout": 0.2,
    "ema_decay": 0.9,
}
AT_START = 0.2  # the share of kills at any moment of the start; the others come while steps are taken and saved
LONGEST = 0.4  # seconds of the start, or of the steps, until a kill


def config_of(folder: Path, **more: object) -> TrainConfig:
    text = folder.parent / "text.txt"
    if not text.exists():
        words = ["to be ", "or not ", "the sea ", "a king\n", "sleep; "]
        text.write_text("".join(random.Random(2).choices(words, k=1000)))
    return resolve("gpt", None, {**SMALL, **STEPS, "data": str(text), "out_dir": str(folder), "name": "run", **more})


def start(config: TrainConfig) -> int:
    """Train in a process of its own, which has imported everything already; its id."""
    if child := os.fork():
        return child
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        train(config)
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    finally:
        os._exit(1)


def wait_for_a_save(states: Path, child: int) -> None:
    """Wait until the child has saved a state, or has come to its end."""
    before = set(states.glob("*.json"))
    while not set(states.glob("*.json")) - before:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.002)


def kill_at_random(folder: Path, count: int, seed: int = 0) -> Outcome:
    """Kill `count` times; a run that comes to its end is compared with one that was never killed, and begun anew."""
    torch.set_num_threads(1)
    outcome, rng = Outcome(), random.Random(seed)
    train(config_of(folder / "whole"))  # here, so that what PyTorch imports on the way is there in every process
    whole, run = result(folder / "whole" / "run"), folder / "killed" / "run"
    whole["card"] = whole["card"].replace((folder / "whole").as_posix(), run.parent.as_posix())  # it tells its folder
    seen = 0
    while outcome.counts["kills"] < count or outcome.counts["ends"] == 0:
        again = latest_state(run / "state") is not None
        child = start(config_of(run.parent, **({"resume": True} if again else {"overwrite": True})))
        if outcome.counts["kills"] < count:
            if rng.random() > AT_START:
                wait_for_a_save(run / "state", child)
            time.sleep(rng.uniform(0, LONGEST))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            outcome.counts["kills"] += 1
        elif os.WEXITSTATUS(status):
            outcome.failures.append(
                f"after {outcome.counts['kills']} kills, {'a resumed' if again else 'a new'} run fails"
            )
            break
        if any(
            LEFTOVER.fullmatch(path.name) for part in (run, run / "state") if part.is_dir() for path in part.iterdir()
        ):
            outcome.counts["kills with a file half written"] += 1
        found = latest_state(run / "state")
        step = found[1]["step"] if found else 0
        if step < seen:
            outcome.failures.append(f"step {seen} was saved, step {step} is found")
        seen = step
        with contextlib.suppress(CheckpointError):
            read_model(run)
        if os.WIFEXITED(status):
            outcome.counts["ends"] += 1
            if different := [name for name, value in result(run).items() if value != whole[name]]:
                outcome.failures.append(f"a run that was killed and resumed ends with another {different}")
            leftovers = [path for path in run.rglob(".*") if LEFTOVER.fullmatch(path.name)]
            if leftovers:
                outcome.failures.append(f"{leftovers} are left")
            run.rename(folder / f"done {outcome.counts['ends']}")
            seen = 0
    return outcome


if __name__ == "__main__":
    raise SystemExit(report("kill loop", kill_at_random, 30, on_disk=True))  # where writing takes its time
