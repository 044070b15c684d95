"""The endpoints that programs call: the same functions as the page's, under stable names.

Open `/?view=api` on a running app for their documentation; `gradio_client` calls them.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from nanogpt.analysis.alternatives import alternatives
from nanogpt.analysis.score import score as score_of
from nanogpt.analysis.trace import trace as trace_of
from nanogpt.generation.continuation import generate
from nanogpt.playground.limits import refused
from nanogpt.storage.zoo import Zoo


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
            loaded = zoo.get(model)
            return generate(
                loaded,
                loaded.read_prompt(prompt),
                beam=beam,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                max_new_tokens=max_new_tokens,
                seed=seed,
            )

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
            loaded = zoo.get(model)
            rows = alternatives(
                loaded, loaded.read_prompt(prompt), text, temperature=temperature, top_k=top_k, top_p=top_p
            )
            return [asdict(row) for row in rows]

    def score(model: str = "gpt", text: str = "") -> dict[str, Any]:
        """How surprised a model is by a text that stands alone: {text, left_out, bits, total}.

        Args:
            model: a name of `/models`.
            text: what to judge.
        """
        with refused():
            loaded = zoo.get(model)
            found = score_of(loaded, loaded.read_text(text))
            return {"text": found.text, "left_out": found.left_out, "bits": found.bits.tolist(), "total": found.total}

    def trace(
        model: str = "gpt",
        prompt: str = "",
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        max_new_tokens: int = 100,
        seed: int = 1,
    ) -> dict[str, Any]:
        """Every step of a run: the noise and the probabilities of each character, and the choice.

        Args:
            model: a name of `/models`.
            prompt: the beginning.
            temperature: as in `/sample`.
            top_k: as in `/sample`.
            top_p: as in `/sample`.
            max_new_tokens: as in `/sample`.
            seed: as in `/sample`.
        """
        with refused():
            loaded = zoo.get(model)
            return trace_of(
                loaded,
                loaded.read_prompt(prompt),
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                max_new_tokens=max_new_tokens,
                seed=seed,
            )

    return {"models": models, "sample": sample, "explain": explain, "score": score, "trace": trace}
