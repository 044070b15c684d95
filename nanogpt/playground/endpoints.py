"""The endpoints that programs call: the package's public functions under stable names.

Open `/?view=api` on a running app for their documentation; `gradio_client` calls them.
"""

import inspect
import json
from collections.abc import Callable, Collection
from dataclasses import asdict, fields
from functools import wraps
from typing import Any

from nanogpt.analysis.alternatives import alternatives
from nanogpt.analysis.score import score
from nanogpt.analysis.trace import trace
from nanogpt.checks import whole
from nanogpt.generation.continuation import generate
from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.admission import while_awaited
from nanogpt.playground.limits import refused
from nanogpt.storage.zoo import Zoo

MAX_TRACE = 500  # characters: 1.2 MB of JSON with a vocabulary of 65, which waits in memory until it is read
Endpoint = Callable[..., Any]


def endpoints(zoo: Zoo) -> dict[str, Endpoint]:
    """Name → function, over the checkpoints of `zoo`."""

    def models() -> list[str]:
        """The names of the models that can be asked."""
        return zoo.names

    @with_settings()
    def sample(model: str = "gpt", prompt: str = "", *, beam: int = 0, **settings: Any) -> str:
        """Continue a prompt and return the new characters; the page and the command line write the same ones.

        Args:
            model: a name of `/models`.
            prompt: the beginning; an empty one starts from a newline.
            beam: the width of a beam search, 0 to sample.
        """
        loaded = zoo.get(model)
        return generate(loaded, loaded.read_prompt(prompt), beam=beam, watched=while_awaited, **settings)

    @with_settings(leave_out=("max_new_tokens", "seed"))
    def explain(model: str = "gpt", prompt: str = "", text: str = "", **settings: Any) -> list[dict[str, Any]]:
        """Every character that could follow prompt + text: {char, raw, tempered, kept}, the likeliest first.

        Args:
            model: a name of `/models`.
            prompt: the beginning.
            text: what was written after it.
        """
        loaded = zoo.get(model)
        return [asdict(row) for row in alternatives(loaded, loaded.read_prompt(prompt), text, **settings)]

    @with_settings(leave_out=[f.name for f in fields(SamplingParams)])
    def score_text(model: str = "gpt", text: str = "") -> dict[str, Any]:
        """How surprised a model is by a text that stands alone: {text, left_out, bits, total}.

        Args:
            model: a name of `/models`.
            text: what to judge.
        """
        loaded = zoo.get(model)
        found = score(loaded, loaded.read_text(text))
        return {"text": found.text, "left_out": found.left_out, "bits": found.bits.tolist(), "total": found.total}

    @with_settings(max_new_tokens=100)
    def trace_run(model: str = "gpt", prompt: str = "", **settings: Any) -> str:
        """Every step of a run, as JSON text: the noise and the probabilities of each character, and the choice.

        A trace has at most 500 characters.

        Args:
            model: a name of `/models`.
            prompt: the beginning.
        """
        loaded = zoo.get(model)
        settings["max_new_tokens"] = whole("Number of characters", settings["max_new_tokens"], 1, MAX_TRACE)
        # As text: the same numbers as Python objects take twenty times the memory.
        return json.dumps(trace(loaded, loaded.read_prompt(prompt), watched=while_awaited, **settings))

    return {"models": models, "sample": sample, "explain": explain, "score": score_text, "trace": trace_run}


def with_settings(leave_out: Collection[str] = (), **defaults: Any) -> Callable[[Endpoint], Endpoint]:
    """Write `**settings` of an endpoint out as the fields of `SamplingParams`: Gradio reads signatures and docstrings.

    A new sampling setting so becomes a parameter of the endpoints by itself. `defaults` replace those of the fields.
    A ValueError becomes the message that the client reads.
    """
    settings = [f for f in fields(SamplingParams) if f.name not in leave_out]

    def decorate(function: Endpoint) -> Endpoint:
        own = inspect.signature(function)
        named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                f.name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(f.name, f.default), annotation=f.type
            )
            for f in settings
        ]
        before = [p for p in named if p.kind is not p.KEYWORD_ONLY]
        order = [*before, *added, *named[len(before) :]]
        signature = own.replace(parameters=[p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in order])

        @wraps(function)
        def endpoint(*values: Any, **more: Any) -> Any:
            given = signature.bind(*values, **more)
            given.apply_defaults()
            with refused():
                return function(**given.arguments)

        endpoint.__signature__ = signature  # type: ignore[attr-defined]
        endpoint.__annotations__ = {**function.__annotations__, **{f.name: f.type for f in settings}}
        endpoint.__annotations__.pop("settings", None)
        lines = "".join(f"\n            {f.name}: {f.metadata['help']}." for f in settings)
        endpoint.__doc__ = f"{(function.__doc__ or '').rstrip()}{lines}\n"
        return endpoint

    return decorate
