"""Several processes: the same steps as one, and no one waits for the dead."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from nanogpt.storage import states
from nanogpt.training.distributed import process_group
from nanogpt.training.presets import resolve
from nanogpt.training.trainer import train

REPOSITORY = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "train.py"]
SETTINGS: dict[str, Any] = {
    "n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 16, "batch_size": 4, "max_iters": 20, "eval_iters": 1,
    "log_interval": 1, "save_interval": 5, "dropout": 0.1, "num_threads": 1, "device": "cpu", "dtype": "float32",
}  # fmt: skip


def flags(settings: dict[str, Any]) -> list[str]:
    return ["--model", "gpt", *(word for name, value in settings.items() for word in (f"--{name}", str(value)))]


def losses(folder: Path) -> list[float]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if "loss" in row]


def test_two_processes_are_one_with_twice_the_accumulation(text_file: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, "data": str(text_file), "out_dir": str(tmp_path)}
    done = subprocess.run(
        [*TORCHRUN, *flags({**settings, "name": "two"})], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done: step 20") == 1  # only one of them speaks
    train(resolve("gpt", "quick", {**settings, "name": "one", "gradient_accumulation_steps": 2}))
    assert len(losses(tmp_path / "one")) == 20
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), abs=1e-4)


def test_the_leader_goes_first_and_its_death_is_noticed(tmp_path: Path) -> None:
    """Two processes without torchrun, so that no one but the group itself notices."""
    code = """
import os, sys, time
from pathlib import Path
from nanogpt.training.distributed import LostProcessError, process_group

cache = Path(sys.argv[1])
with process_group() as group:
    with group.leader_first():
        if not cache.exists():
            time.sleep(0.5)
            cache.write_text(str(group.rank))
    assert group.any(not group.is_leader) and group.mean_of(group.rank) == 0.5
    try:
        with group.leader_first():
            os._exit(0)
    except LostProcessError as error:
        print(error)
"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in ("0", "1"):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2"}
        place |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [sys.executable, "-c", code, str(tmp_path / "cache")]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, **place}, **pipes))
    (leader, _), (other, errors) = (process.communicate(timeout=60) for process in processes)
    assert leader == ""
    assert other.startswith("Another process of this run is gone ("), errors
    assert (tmp_path / "cache").read_text() == "0"


def test_a_process_alone_is_a_group_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with process_group() as group, group.leader_first():
        assert group.is_leader
        assert group.mean_of(0.25) == 0.25
        assert [group.any(flag) for flag in (True, False)] == [True, False]
        assert [group.device(name) for name in ("cpu", "cuda:1")] == ["cpu", "cuda:1"]


def workers(agent: int) -> dict[int, int]:
    """rank → process of what torchrun has started."""
    found = {}
    for pid in Path(f"/proc/{agent}/task/{agent}/children").read_text().split():
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        found |= {int(entry[5:]): int(pid) for entry in environment if entry.startswith(b"RANK=")}
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")
def test_a_killed_process_ends_the_others_and_nothing_is_lost(text_file: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, "data": str(text_file), "out_dir": str(tmp_path), "name": "run", "max_iters": 1_000_000}
    log = tmp_path / "log"
    with log.open("wb") as f:
        agent = subprocess.Popen([*TORCHRUN, *flags(settings)], cwd=REPOSITORY, stdout=f, stderr=f)
    state = tmp_path / "run" / "state"
    while not list(state.glob("*.json")):
        assert agent.poll() is None, log.read_text()
        time.sleep(0.1)
    os.kill(workers(agent.pid)[1], signal.SIGKILL)
    assert agent.wait(60) != 0
    assert "Another process of this run is gone" in log.read_text()

    found = states.latest_state(state)
    assert found is not None
    step = found[1]["step"]
    row = train(resolve("gpt", "quick", {**settings, "resume": True, "gradient_accumulation_steps": 2,
                                      "max_iters": step + 3}))  # fmt: skip
    assert row["step"] == step + 3
