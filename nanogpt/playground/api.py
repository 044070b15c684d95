"""The endpoints that programs call: the same functions as the page's, under stable names.

Open `/?view=api` on a running app for their documentation; `gradio_client` calls them.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from nanogpt import score as scoring
from nanogpt.checks import whole
from nanogpt.continuation import continuation
from nanogpt.explain import alternatives
from nanogpt.playground.limits import refused
from nanogpt.playground.runs import while_awaited
from nanogpt.playground.takeaway import trace as trace_of
from nanogpt.prompt import read_prompt
from nanogpt.sampling import SamplingParams
from nanogpt.zoo import Zoo

MAX_TRACE = 500  # characters: 1.2 MB of JSON with a vocabulary of 65, which waits in memory until it is read


def endpoints(zoo: Zoo) -> dict[str, Callable[..., Any]]:
    """Name → function, over the checkpoints of `zoo`."""

    def models() -> list[str]:
        """The names of the models that can be asked."""
        return zoo.names

    def sample(
        model: str = "gpt",
        prompt: str = "",
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        max_new_tokens: int = 500,
        seed: int = 1,
        beam: int = 0,
    ) -> str:
        """Continue a prompt and return the new characters; the page and the command line write the same ones.

        Args:
            model: a name of `/models`.
            prompt: the beginning; an empty one starts from a newline.
            temperature: 0 (always the likeliest) to 2.
            top_k: only the k likeliest may be drawn; 0 is off.
            top_p: only the likeliest that hold this share may be drawn; 1 is off.
            max_new_tokens: how many characters to write.
            seed: the same seed is the same luck.
            beam: the width of a beam search, 0 to sample.
        """
        with refused():
            params = SamplingParams(temperature, top_k, top_p, max_new_tokens, seed)
            loaded = zoo.get(model)
            checked = read_prompt(prompt, loaded.tokenizer, loaded.block_size)
            return "".join(while_awaited(continuation(loaded, checked, params, beam)))

    def explain(
        model: str = "gpt",
        prompt: str = "",
        text: str = "",
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
    ) -> list[dict[str, Any]]:
        """Every character that could follow prompt + text: {char, raw, tempered, kept}, the likeliest first.

        Args:
            model: a name of `/models`.
            prompt: the beginning.
            text: what was written after it.
            temperature: as in `/sample`.
            top_k: as in `/sample`.
            top_p: as in `/sample`.
        """
        with refused():
            params = SamplingParams(temperature, top_k, top_p)
            return [asdict(row) for row in alternatives(zoo.get(model), prompt, text, params)]

    def score(model: str = "gpt", text: str = "") -> dict[str, Any]:
        """How surprised a model is by a text that stands alone: {text, left_out, bits, total}.

        Args:
            model: a name of `/models`.
            text: what to judge.
        """
        with refused():
            loaded = zoo.get(model)
            known, left_out, nats = scoring.text_nats(loaded.model, loaded.tokenizer, text)
            bits = (nats.double() * scoring.BITS).tolist()
            return {"text": known, "left_out": left_out, "bits": bits, "total": sum(bits)}

    def trace(
        model: str = "gpt",
        prompt: str = "",
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        max_new_tokens: int = 100,
        seed: int = 1,
    ) -> str:
        """Every step of a run, as JSON text: the noise and the probabilities of each character, and the choice.

        Args:
            model: a name of `/models`.
            prompt: the beginning.
            temperature: as in `/sample`.
            top_k: as in `/sample`.
            top_p: as in `/sample`.
            max_new_tokens: how many characters to write, at most 500.
            seed: as in `/sample`.
        """
        with refused():
            count = whole("Number of characters", max_new_tokens, 1, MAX_TRACE)
            params = SamplingParams(temperature, top_k, top_p, count, seed)
            # As text: the same numbers as Python objects take twenty times the memory.
            return json.dumps(trace_of(zoo.get(model), prompt, params))

    return {"models": models, "sample": sample, "explain": explain, "score": score, "trace": trace}
