"""ZeroGPU is asked for one function, and only there."""

import sys
from pathlib import Path

import pytest

from nanogpt.playground.zero_gpu import meet_zero_gpu, never_called


@pytest.fixture(autouse=True)
def spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package `spaces`, which only a Space has, that notes what is offered to it."""
    (tmp_path / "spaces.py").write_text("offered = []\nGPU = offered.append\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "spaces", raising=False)


def test_zero_gpu_is_offered_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    meet_zero_gpu()
    assert sys.modules.pop("spaces").offered == [never_called]
    assert never_called() is None


def test_elsewhere_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    meet_zero_gpu()
    assert "spaces" not in sys.modules
