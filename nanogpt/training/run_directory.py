"""The directory of a run: its lock, its log and its saved states. Knows files; knows no model.

checkpoints/NAME/   model.safetensors  config.json  tokenizer.json  README.md     the model, as others load it
                    metrics.jsonl  state/  snapshots/  tensorboard/  .lock        what the run itself writes
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from nanogpt.storage import checkpoint, states
from nanogpt.storage.atomic import remove_leftovers
from nanogpt.training.errors import TrainError

LOCK = ".lock"
OF_THE_RUN = {LOCK, checkpoint.METRICS, "state", "snapshots", "tensorboard"}  # what a run writes before it has a model


class RunDirectory:
    """One run's files below `path`. The directory itself is made when it is claimed.

    `text` tells the text of the run, for the manifests of its states.
    """

    def __init__(self, path: Path, text: dict[str, Any] | None = None):
        self.path, self.text = path, text or {}
        self.replaces = False  # the model there is that of an earlier run, and stays until this one is finished
        self.states = path / "state"
        self.snapshots = path / "snapshots"
        self.log_file = path / checkpoint.METRICS

    @contextlib.contextmanager
    def claimed(self, *, may_exist: bool) -> Iterator[None]:
        """Hold the directory for the length of the block; a second trainer fails at once with TrainError.

        What a trainer that was killed has half written is removed.
        Unless it `may_exist`, raises TrainError if another run has begun there. This is checked before the directory is
        made, and again under the lock, because another trainer may have finished in between.
        """
        if not may_exist:
            self._refuse_existing_files()
        self.path.mkdir(parents=True, exist_ok=True)
        with self._locked():
            for folder in (self.path, self.states, self.snapshots):
                remove_leftovers(folder)
            if not may_exist:
                self._refuse_existing_files()
            yield

    def _refuse_existing_files(self) -> None:
        """A run that was killed before its first state has left nothing that could be lost."""
        if not self.path.exists():
            return
        if any(file.name not in OF_THE_RUN for file in self.path.iterdir()) or self.has_state():
            raise TrainError(
                f"{self.path} exists. Give --resume to continue it, --overwrite to replace it, or another --name."
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """The kernel frees the lock when the process ends, however it ends."""
        with (self.path / LOCK).open("a+") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                f.seek(0)
                raise TrainError(f"{self.path} is being trained by process {f.read().strip() or '?'}.") from None
            f.truncate(0)
            f.write(str(os.getpid()))
            f.flush()
            yield

    def clear(self) -> None:
        """Remove files of an earlier run, which could be mistaken for this run's, but for its model; start the log."""
        self.replaces = (self.path / checkpoint.CONFIG).exists()
        for folder in (self.states, self.snapshots, self.path / "tensorboard"):
            shutil.rmtree(folder, ignore_errors=True)
        self.log_file.write_text("")

    def log(self, row: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        with self.log_file.open("a") as f:
            f.write(json.dumps(row) + "\n")

    def log_bytes(self) -> int:
        """The size of metrics.jsonl."""
        return self.log_file.stat().st_size

    def cut_log(self, size: int) -> None:
        """Drop the lines after the first `size` bytes: they belong to steps that a resumed run takes again."""
        os.truncate(self.log_file, size)

    def has_state(self) -> bool:
        """Whether there is an intact state to continue from."""
        return states.latest_state(self.states) is not None

    def latest_state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The newest intact state: (tensors, manifest). Raises TrainError if there is none."""
        found = states.latest_state(self.states)
        if found is None:
            raise TrainError(
                f"{self.states} holds no saved state to continue from. Without --resume, the command begins a new run."
            )
        return found

    def describe_saved_state(self) -> str:
        """A sentence on the state that a failed run leaves."""
        found = states.latest_state(self.states)
        if found is None:
            return "There is no saved state."
        return f"The state of step {found[1]['step']} in {self.states} is intact; --resume continues from it."
