"""The short forms of the fault programs; the docstring of each program tells how to run it in full."""

import subprocess
import sys
from pathlib import Path

import flip_bits
import own_texts
import pytest
from fuzz_checkpoints import fuzz as fuzz_checkpoints
from server import Server

from nanogpt.models import MODELS
from nanogpt.storage import checkpoint

HERE = Path(__file__).parent


def program(name: str, count: int) -> str:
    """What a program prints that has found no failure. It forks, and so has a process of its own."""
    command = [sys.executable, str(HERE / f"{name}.py"), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parents[1], timeout=600)
    if "cannot be traced here" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_damaged_checkpoints_load_or_are_refused(tmp_path: Path) -> None:
    outcome = fuzz_checkpoints(tmp_path, 5_000)
    assert outcome.failures == []
    assert sum(outcome.counts.values()) == 5_000
    assert outcome.counts["loaded"] > 100  # both ends are tried
    assert outcome.counts["refused"] > 3_000


def test_the_fuzzer_sees_what_goes_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "make_config", lambda kind, values: MODELS[kind].config(**values))
    assert fuzz_checkpoints(tmp_path, 400).failures


def test_no_flipped_bit_changes_what_is_loaded(tmp_path: Path) -> None:
    outcome = flip_bits.flip(tmp_path, 1_000)
    assert outcome.failures == []
    assert sum(outcome.counts.values()) == 1_000


def test_the_digests_are_what_catches_flipped_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "is_signed", lambda value: True)
    assert flip_bits.flip(tmp_path, 300).failures


def test_a_crash_at_any_call_of_a_save_leaves_old_new_or_a_refusal() -> None:
    said = program("crash_points", 1)
    for outcome in ("old after", "new after", "state 2 after", "state 3 after"):
        assert outcome in said


def test_killed_runs_are_resumed_to_the_same_end() -> None:
    assert "10 kills" in program("kill_loop", 10)


def test_junk_gets_a_result_or_a_sentence(playground: Server) -> None:
    pytest.importorskip("hypothesis")
    from fuzz_api import fuzz

    outcome = fuzz(playground, 100)
    assert outcome.failures == []
    assert outcome.counts["completed"] > 2
    assert outcome.counts["refused in a stream"] > 2


@pytest.mark.parametrize("kind", own_texts.KINDS)
def test_what_a_stranger_s_text_gives_is_the_best_that_was_seen(kind: str, tmp_path: Path) -> None:
    found = own_texts.judge(kind, 20_000, tmp_path)
    assert found.shipped <= found.best + 0.02
    assert found.gpt <= found.bigram
