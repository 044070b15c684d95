"""A trace: every step of a run, with the noise and the probabilities of each character. Knows models and text."""

from dataclasses import asdict
from typing import Any

from nanogpt.analysis import score
from nanogpt.generation.generate import generate
from nanogpt.generation.sampling import SamplingParams, allowed_logits, gumbel_noise
from nanogpt.generation.text_model import TextModel
from nanogpt.text.prompt import read_prompt


def trace(loaded: TextModel, prompt: object, params: SamplingParams) -> dict[str, Any]:
    """Every step of a run: the noise of each character, its probabilities before and after the cut, the choice."""
    checked = read_prompt(prompt, loaded.tokenizer, loaded.block_size)
    noise = gumbel_noise(params.seed, params.max_new_tokens, loaded.tokenizer.vocab_size)
    steps = []
    for step in generate(loaded.model, checked.ids, params, draft=loaded.draft):
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
