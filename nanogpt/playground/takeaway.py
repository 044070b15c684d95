"""The same run elsewhere: as a command, as an API call, as a trace of every step.

Knows sampling parameters and the API's names; the commands it writes are correct when pasted.
"""

import shlex
from dataclasses import asdict
from typing import Any

from nanogpt import score
from nanogpt.engine import generate
from nanogpt.playground.runs import while_awaited
from nanogpt.prompt import read_prompt
from nanogpt.sampling import SamplingParams, allowed_logits, gumbel_noise
from nanogpt.zoo import Loaded


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


def trace(loaded: Loaded, prompt: object, params: SamplingParams) -> dict[str, Any]:
    """Every step of a run: the noise of each character, its probabilities before and after the cut, the choice."""
    checked = read_prompt(prompt, loaded.tokenizer, loaded.block_size)
    noise = gumbel_noise(params.seed, params.max_new_tokens, loaded.tokenizer.vocab_size)
    steps = []
    for step in while_awaited(generate(loaded.model, checked.ids, params, draft=loaded.draft)):
        p = step.logits.double().softmax(-1)
        steps.append(
            {
                "char": loaded.tokenizer.chars[step.id],
                "bits": -p[step.id].log().item() * score.BITS,
                "noise": [round(g, 6) for g in noise[step.position].tolist()],
                "p": [float(f"{x:.6g}") for x in p.tolist()],
                "kept": [float(f"{x:.6g}") for x in allowed_logits(step.logits, params).softmax(-1).tolist()],
            }
        )
    return {
        "model": loaded.name,
        "prompt": checked.text,
        "notices": checked.notices,
        **asdict(params),
        "vocabulary": loaded.tokenizer.chars,
        "text": "".join(step["char"] for step in steps),  # type: ignore[misc]
        "steps": steps,
    }
