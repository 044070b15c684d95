"""The program of many visitors in a short form: nobody is refused, and everyone has the text of the same run alone."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest
from server import CHECKPOINTS, Server
from visitors import another, report, visitors, written_differently

pytestmark = pytest.mark.alone


def test_twelve_visitors_at_once(tmp_path: Path) -> None:
    server = Server(CHECKPOINTS, tmp_path / "log")
    try:
        found, seconds = asyncio.run(visitors(server.url, 12, 40, 0, 3))
        mixed, _ = asyncio.run(visitors(server.url, 12, 60, 0, 3, runs=30, asked=another))
    finally:
        server.stop()
    lines = report(found, seconds)
    assert lines[0] == "runs 12, errors 0", lines
    assert written_differently(found) == 0
    assert len({visit.texts[1] for visit in found}) == 12
    assert all(0 < visit.first <= visit.updates[-1] for visit in found)
    assert not any(visit.error for visit in mixed)
    assert written_differently(mixed) == 0
    assert any(visit.leaves for visit in mixed)
    assert "Traceback" not in server.log.read_text()
