"""A prompt continued to text: what the command line, the API and the library share.

Knows models with their tokenizers; the page, which shows more than text, reads the steps themselves.
"""

from collections.abc import Iterator
from typing import Any

from nanogpt.checks import whole
from nanogpt.generation.batch import Step
from nanogpt.generation.beam import MAX_BEAM, Beam, beam_search
from nanogpt.generation.generate import Watch, generate_steps
from nanogpt.generation.reader import MAX_CONTEXT
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel
from nanogpt.text.prompt import Prompt
from nanogpt.text.spelling import with_warnings


def stream(
    model: TextModel,
    prompt: str | Prompt = "",
    *,
    beam: int = 0,
    context: int = 0,
    watched: Watch = iter,
    **settings: Any,
) -> Iterator[str]:
    """Continue a prompt: the new characters as they are written; with a beam width, all at once at the end.

    Args:
        prompt: a text, or what `model.read_prompt` made of one. A text that had to be changed (unknown characters,
            an empty prompt, more than fits) is continued all the same, after a UserWarning for each change.
        beam: the width of a beam search; 0 samples.
        context: how many characters the model may look back, at most; 0 is all that it can.
        watched: each step passes through it as it is taken; it may end the run by raising an error.
        settings: the fields of `SamplingParams`: temperature, top_k, top_p, max_new_tokens, seed.

    Raises ValueError, before the first character, for a setting out of range or a text that is no prompt.
    """
    params = SamplingParams(**settings)
    params.check_size(model.model.vocab_size)
    width = whole("Beam width", beam, 0, MAX_BEAM)
    context = whole("Context", context, 0, MAX_CONTEXT)
    checked = with_warnings(prompt, model.read_prompt(prompt))
    if width:
        return _beamed(model, watched(beam_search(model.model, checked.ids, width, params.max_new_tokens, context)))
    steps = generate_steps(model.model, checked.ids, params, draft=model.draft, context=context)
    return _sampled(model, watched(steps))


def generate(model: TextModel, prompt: str | Prompt = "", **settings: Any) -> str:
    """Continue a prompt and return the new text. The arguments and errors are those of `stream`."""
    checked = with_warnings(prompt, model.read_prompt(prompt))
    return "".join(stream(model, checked, **settings))


def _sampled(model: TextModel, steps: Iterator[Step]) -> Iterator[str]:
    for step in steps:
        yield model.tokenizer.decode([step.id])


def _beamed(model: TextModel, beams: Iterator[Beam]) -> Iterator[str]:
    *_, best = beams
    yield model.tokenizer.decode(best.ids)
