"""The numbers of Look inside elsewhere: the commands and the API calls that give them.

Knows subjects and runs; the commands and calls themselves are written by commands.py.
"""

from dataclasses import asdict
from typing import Any

from nanogpt.analysis.figures import stored_figures
from nanogpt.checks import whole
from nanogpt.playground.commands import as_command, figures_command, inspection_calls, inspection_command
from nanogpt.playground.inside import Subject, chosen_head
from nanogpt.playground.rewriting import rewritten_params
from nanogpt.playground.run import Run


def commands_and_calls(
    subject: Subject, run: Run, position: object, layer: object, head: object, url: str
) -> tuple[str, str]:
    """Commands, a line each, and Python code, for one position and one head; both "" if there is nothing to look at.

    `position` is None for the last one. Raises ValueError for a head that the model does not have.
    """
    loaded = subject.loaded
    if not subject.can_be_read:
        return "", ""
    off = " ".join(subject.off)
    last = len(subject.ids) - 1
    at = last if position is None else min(last, whole("Position", position, 0, 10**6))
    values: dict[str, Any] = {"position": at}
    values |= {name: value for name, value in (("off", off), ("context", subject.context)) if value}
    if subject.drawn_by(run):
        settings = {name: value for name, value in asdict(run.params).items() if name != "max_new_tokens"}
        values |= {"beginning": len(subject.ids) - subject.written, **settings}
    shown = ".".join(map(str, chosen_head(loaded, layer or 0, head or 0, stored_figures(loaded))))
    commands = [
        inspection_command(loaded.name, subject.text, shown, values),
        as_command(loaded.name, subject.beginning, rewritten_params(run), run.beam, off, subject.context),
        figures_command(loaded.name, off, subject.context),
    ]
    return "\n".join(commands), inspection_calls(loaded.name, subject.text, shown, values, url)
