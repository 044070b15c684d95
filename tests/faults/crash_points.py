"""A process that saves is killed before each of its system calls: what it leaves is the old, the new, or a refusal.

    python tests/faults/crash_points.py

Linux only: the process is stopped at its calls by ptrace(2).
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from campaign import Outcome, report
from small import build

from nanogpt.storage.atomic import remove_leftovers
from nanogpt.storage.checkpoint import CheckpointError, read_model, save
from nanogpt.storage.states import latest_state, save_state
from nanogpt.text.tokenizer import CharTokenizer

TRACE_ME, NEXT_CALL = 0, 24  # PTRACE_TRACEME, PTRACE_SYSCALL


def ptrace(request: int, process: int = 0) -> bool:
    """Did the call succeed?"""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    return int(libc.ptrace(ctypes.c_long(request), ctypes.c_long(process), None, None)) == 0


def killed_before(number: int, act: Callable[[], None]) -> bool | None:
    """Act in a process that is killed as it makes its system call of that number.

    False if it has come to its end before; None where processes cannot be traced.
    """
    if (child := os.fork()) == 0:
        if not ptrace(TRACE_ME):
            os._exit(7)
        os.kill(os.getpid(), signal.SIGSTOP)
        act()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    for _ in range(2 * number - 1):  # a process stops as it makes a call, and as it comes back
        if os.WIFEXITED(status):
            return None if os.WEXITSTATUS(status) == 7 else False
        if not ptrace(NEXT_CALL, child):
            return None
        _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        return False
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def weights_of(folder: Path) -> bytes | None:
    try:
        return next(read_model(folder)[0].parameters()).detach().numpy().tobytes()
    except CheckpointError:
        return None


def crash_in_save(folder: Path, outcome: Outcome) -> None:
    """At each call of `save`, which replaces a model."""
    tokenizer = CharTokenizer("\nabcdefghij")
    models = [build("bigram", seed) for seed in (0, 1)]
    old, new = (next(model.parameters()).detach().numpy().tobytes() for model in models)
    number, went_on = 0, True
    while went_on:
        number += 1
        save(folder, models[0], tokenizer)
        went_on = bool(killed_before(number, lambda: save(folder, models[1], tokenizer)))
        found = weights_of(folder)
        outcome.counts[f"{'old' if found == old else 'new' if found == new else 'refused'} after a crash in save"] += 1
        if found not in (old, new, None):
            outcome.failures.append(f"call {number} of save: a mixture is loaded")
        remove_leftovers(folder)
        if {path.name for path in folder.iterdir()} != {"model.safetensors", "tokenizer.json", "config.json"}:
            outcome.failures.append(f"call {number} of save: {sorted(p.name for p in folder.iterdir())} are left")


def crash_in_save_state(folder: Path, outcome: Outcome) -> None:
    """At each call of `save_state`, which adds a state and drops the oldest."""
    number, went_on = 0, True
    while went_on:
        number += 1
        for step in (1, 2):
            save_state(folder, step, {"a": torch.full((9,), float(step))}, {"seconds": step / 2})
        saved = {"a": torch.full((9,), 3.0)}
        went_on = bool(killed_before(number, lambda: save_state(folder, 3, saved, {"seconds": 1.5})))  # noqa: B023
        found = latest_state(folder)
        step = found[1]["step"] if found else 0
        outcome.counts[f"state {step} after a crash in save_state"] += 1
        if found is None or step not in (2, 3) or not torch.equal(found[0]["a"], torch.full((9,), float(step))):
            outcome.failures.append(f"call {number} of save_state: state {step} is found")
        for path in folder.iterdir():
            path.unlink()


def crash(folder: Path, rounds: int) -> Outcome:
    """Every call of both, `rounds` times."""
    outcome = Outcome()
    if sys.platform != "linux" or killed_before(1, lambda: None) is None:
        print("Processes cannot be traced here: no crash point was tried.")
        return outcome
    for _ in range(rounds):
        crash_in_save(folder / "model", outcome)
        crash_in_save_state(folder / "state", outcome)
    return outcome


if __name__ == "__main__":
    raise SystemExit(report("crash points", crash, 1))
