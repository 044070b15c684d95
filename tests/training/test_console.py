"""What a run prints."""

import sys

import pytest

from nanogpt.training.console import progress_bar, say


def test_a_line_is_printed_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    say("step 0: …")
    assert capfd.readouterr().out == "step 0: …\n"


@pytest.mark.parametrize(("terminal", "shown"), [(True, True), (True, False), (False, True)])
def test_the_bar_is_drawn_on_a_terminal_only(
    terminal: bool, shown: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with progress_bar("run", 3, 10, shown) as bar:
        bar.update()
        say("a line above it")
    printed = capfd.readouterr()
    assert printed.out == "a line above it\n"
    assert ("4/10" in printed.err) == (terminal and shown)
