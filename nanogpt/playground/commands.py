"""The same run elsewhere: as a command, and as an API call.

Knows sampling parameters and the API's names; the commands it writes are correct when pasted.
"""

import shlex
from dataclasses import asdict

from nanogpt.generation.sampling import SamplingParams


def as_command(model: str, prompt: str, params: SamplingParams, beam: int, off: str = "", context: int = 0) -> str:
    """The run as a command line for a POSIX shell; `beam` is the width of a beam search, 0 for sampling.

    The parts that are off and the context stand there only where they are set.
    """
    values = {**asdict(params), **_set(beam=beam, off=off, context=context)}
    options = [word for name, value in values.items() for word in (f"--{name}", f"{value}")]
    return shlex.join(["python", "-m", "nanogpt", "sample", "--model", model, f"--prompt={prompt}", *options])


def as_api_call(
    model: str, prompt: str, params: SamplingParams, beam: int, url: str, off: str = "", context: int = 0
) -> str:
    """The run as Python, through gradio_client."""
    edits = _set(off=off, context=context)
    arguments = {"model": model, "prompt": prompt, **asdict(params), "beam": beam, **edits}
    lines = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
    return f'from gradio_client import Client\n\nprint(Client({url!r}).predict(\n{lines}    api_name="/sample",\n))\n'


def _set(**values: str | int) -> dict[str, str | int]:
    """Those of the values that are not empty."""
    return {name: value for name, value in values.items() if value}
