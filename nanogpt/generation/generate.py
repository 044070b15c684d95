"""Ids in, a stream of steps out: one run by itself.

Knows the models' contract and names no model; knows ids, not text. The stream is a plain generator:
when nobody asks for the next step, no work is done.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nanogpt.generation.batch import Batch, Step
from nanogpt.generation.sampling import SamplingParams
from nanogpt.models.base import LanguageModel

# Gets each step of a run as it is taken, and may end the run by raising an error. `iter` does nothing but pass them on.
Watch = Callable[[Iterator[Any]], Iterator[Any]]


def generate_steps(
    model: LanguageModel,
    prompt_ids: Sequence[int],
    params: SamplingParams,
    *,
    cached: bool = True,
    draft: LanguageModel | None = None,
    context: int = 0,
) -> Iterator[Step]:
    """Continue `prompt_ids` (at least one id; only what fits the window is read) by params.max_new_tokens steps.

    The same prompt and params give the same ids wherever this is called from. A `draft` changes nothing but the speed;
    with a `context` above 0 the model looks back at most so many characters: see `Batch`.
    """
    batch = Batch(model, draft=draft, cached=cached, context=context)
    batch.add(prompt_ids, params)
    while batch.writers:
        for _, step in batch.step():
            yield step
