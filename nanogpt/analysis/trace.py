"""A trace: every step of a run, with the noise and the probabilities of each character. Knows models and text."""

from dataclasses import asdict
from typing import Any

from nanogpt.analysis.score import BITS
from nanogpt.generation.generate import Watch, generate_steps
from nanogpt.generation.sampling import SamplingParams, allowed_logits, gumbel_noise
from nanogpt.generation.text_model import TextModel
from nanogpt.text.prompt import Prompt
from nanogpt.text.spelling import with_warnings


def trace(model: TextModel, prompt: str | Prompt = "", *, watched: Watch = iter, **settings: Any) -> dict[str, Any]:
    """Every step of a run: the noise of each character, its probabilities before and after the cut, the choice.

    The settings, `watched`, warnings and errors are those of `generate`; there is no trace of a beam search, which
    draws nothing. The result is made of plain JSON values.
    """
    params = SamplingParams(**settings)
    checked = with_warnings(prompt, model.read_prompt(prompt))
    chars = model.tokenizer.chars
    noise = gumbel_noise(params.seed, params.max_new_tokens, len(chars))
    steps: list[dict[str, Any]] = []
    for step in watched(generate_steps(model.model, checked.ids, params, draft=model.draft)):
        p = step.logits.double().softmax(-1)
        steps.append(
            {
                "char": chars[step.id],
                "bits": -p[step.id].log().item() * BITS,
                "noise": [round(g, 6) for g in noise[step.position].tolist()],
                "p": [float(f"{x:.6g}") for x in p.tolist()],
                "kept": [float(f"{x:.6g}") for x in allowed_logits(step.logits, params).softmax(-1).tolist()],
            }
        )
    return {
        "model": model.name,
        "prompt": checked.text,
        "notices": checked.notices,
        **asdict(params),
        "vocabulary": chars,
        "text": "".join(step["char"] for step in steps),
        "steps": steps,
    }
