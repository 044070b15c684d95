"""A prompt continued to text: what the command line and the API share.

Knows loaded models and the engine; the page, which shows more than text, reads the engine itself.
"""

from collections.abc import Iterator

from nanogpt.checks import whole
from nanogpt.engine import beam_search, generate
from nanogpt.prompt import Prompt
from nanogpt.sampling import SamplingParams
from nanogpt.zoo import Loaded

MAX_BEAM = 8


def continuation(loaded: Loaded, prompt: Prompt, params: SamplingParams, beam: object = 0) -> Iterator[str]:
    """The new characters, one by one; with a beam width, nothing at each step, and all at once when the search is over.

    Raises ValueError for a width outside 0 (sample) … MAX_BEAM.
    """
    width = whole("Beam width", beam, 0, MAX_BEAM)
    if not width:
        for step in generate(loaded.model, prompt.ids, params, draft=loaded.draft):
            yield loaded.tokenizer.decode([step.id])
        return
    for beam in beam_search(loaded.model, prompt.ids, width, params.max_new_tokens):
        best = beam.ids
        yield ""  # a later step may change any character, but whoever reads may leave now
    yield loaded.tokenizer.decode(best)
