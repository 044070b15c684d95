"""What the page shows, elsewhere: as a command, and as an API call.

Knows sampling parameters and the API's names; the commands it writes are correct when pasted.
"""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nanogpt.generation.sampling import SamplingParams

IMPORT = "from gradio_client import Client"


def as_command(model: str, prompt: str, params: SamplingParams, beam: int, off: str = "", context: int = 0) -> str:
    """The run as a command line for a POSIX shell; `beam` is the width of a beam search, 0 for sampling.

    The parts that are off and the context stand there only where they are set.
    """
    values = {**asdict(params), **_set(beam=beam, off=off, context=context)}
    return _line("sample", ["--model", model, f"--prompt={prompt}", *_options(values)])


def as_api_call(
    model: str, prompt: str, params: SamplingParams, beam: int, url: str, off: str = "", context: int = 0
) -> str:
    """The run as Python, through gradio_client."""
    edits = _set(off=off, context=context)
    given: dict[str, Any] = {"model": model, "prompt": prompt, **asdict(params), "beam": beam, **edits}
    return f"{IMPORT}\n\n{_call(f'Client({url!r})', '/sample', given)}"


def inspection_command(model: str, text: str, head: str, values: dict[str, Any]) -> str:
    """The command that prints where a head looks from one position of a text, votes, lens and dependence."""
    return _line("inspect", ["--model", model, f"--text={text}", "--head", head, *_options(values)])


def inspection_calls(model: str, text: str, head: str, values: dict[str, Any], url: str) -> str:
    """The same numbers, and the figures of the model on unseen text, as Python through gradio_client."""
    edits: dict[str, Any] = {name: values[name] for name in ("off", "context") if name in values}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/inspect", {"model": model, "text": text, **values}),
        ("/attention", {"model": model, "text": text, "head": head, **edits}),
        ("/figures", {"model": model}),
    ]
    if edits:
        calls.append(("/figures", {"model": model, **edits}))
    made = "".join(_call("client", endpoint, given) for endpoint, given in calls)
    return f"{IMPORT}\n\nclient = Client({url!r})\n{made}"


def figures_command(model: str, off: str = "", context: int = 0) -> str:
    """The command that measures a changed model on unseen text; without a change, all figures of the model."""
    return _line("analyse", [model, *_options(_set(off=off, context=context))])


def _line(command: str, words: Sequence[str]) -> str:
    return shlex.join(["python", "-m", "nanogpt", command, *words])


def _options(values: dict[str, Any]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name}", f"{value}")]


def _call(client: str, endpoint: str, arguments: dict[str, Any]) -> str:
    lines = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
    return f'print({client}.predict(\n{lines}    api_name="{endpoint}",\n))\n'


def _set(**values: str | int) -> dict[str, str | int]:
    """Those of the values that are not empty."""
    return {name: value for name, value in values.items() if value}
