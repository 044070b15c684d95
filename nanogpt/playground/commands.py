"""The same run elsewhere: as a command, and as an API call.

Knows sampling parameters and the API's names; the commands it writes are correct when pasted.
"""

import shlex
from dataclasses import asdict

from nanogpt.generation.sampling import SamplingParams


def as_command(model: str, prompt: str, params: SamplingParams, beam: int) -> str:
    """The run as a command line for a POSIX shell; `beam` is the width of a beam search, 0 for sampling."""
    values = {**asdict(params), "beam": beam} if beam else asdict(params)
    options = [word for name, value in values.items() for word in (f"--{name}", f"{value}")]
    return shlex.join(["python", "-m", "nanogpt", "sample", "--model", model, f"--prompt={prompt}", *options])


def as_api_call(model: str, prompt: str, params: SamplingParams, beam: int, url: str) -> str:
    """The run as Python, through gradio_client."""
    arguments = {"model": model, "prompt": prompt, **asdict(params), "beam": beam}
    lines = "".join(f"    {name}={value!r},\n" for name, value in arguments.items())
    return f'from gradio_client import Client\n\nprint(Client({url!r}).predict(\n{lines}    api_name="/sample",\n))\n'
