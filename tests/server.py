"""The playground as a process of its own, and the folder of checkpoints that it serves.

PLAYGROUND_CHECKPOINTS names another folder than the repository's.
"""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
CHECKPOINTS = Path(os.environ.get("PLAYGROUND_CHECKPOINTS", REPOSITORY / "checkpoints")).resolve()


class Server:
    """`python app.py` as a process of its own; `before` is Python that it runs first."""

    def __init__(self, checkpoints: Path, log: Path, before: str = ""):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        code = ["-c", f"{before}\nimport app\napp.main()"] if before else ["app.py"]
        self.command = [sys.executable, *code, "--port", str(port), "--models", str(checkpoints)]
        self.log = log
        self.start()

    def start(self) -> None:
        """Start, and return when the first request is answered."""
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self.command, cwd=REPOSITORY, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
        deadline = time.monotonic() + 120
        while "first request answered" not in (said := self.log.read_text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"app.py did not start:\n{said}")
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
