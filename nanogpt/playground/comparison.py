"""A comparison as it is computed: sides that write in lock step, and each text judged by any model.

Knows models and runs; knows nothing of what the page shows.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from nanogpt.analysis.draws import read_logits
from nanogpt.analysis.score import BITS
from nanogpt.generation.beam import beam_search
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo
from nanogpt.text.prompt import Prompt

FRAME = 0.1  # seconds between updates of the page: more of them cost the browser more than a reader notices
TIME_LIMIT = 20.0  # seconds a run may take

# The ids so far; where they are known, the bits of each and the raw logits (V,) from which it was drawn.
Written = tuple[list[int], list[float], list[Tensor]]


@dataclass
class Side:
    """One model's continuation as it grows."""

    loaded: TextModel
    prompt: Prompt
    stream: Iterator[Written]
    ids: list[int] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)  # −log2 p of each character, at temperature 1 and before any cut
    rows: list[Tensor] = field(default_factory=list)  # the raw logits (V,) from which each character was drawn
    seconds: float = 0.0
    read: list[tuple[TextModel, Tensor]] = field(default_factory=list)  # what `logits_by` has computed

    @classmethod
    def of(cls, loaded: TextModel, run: Run) -> "Side":
        prompt = loaded.read_prompt(run.prompt)
        if run.beam:
            return cls(loaded, prompt, _searched(loaded, prompt, run.beam, run.params.max_new_tokens))
        return cls(loaded, prompt, _sampled(loaded, prompt, run.params))

    def advance(self) -> bool:
        """Write one more character; False when the run is over."""
        began = time.perf_counter()
        state = next(self.stream, None)
        self.seconds += time.perf_counter() - began
        if state is None:
            return False
        self.ids, self.bits, self.rows = state
        return True

    @property
    def text(self) -> str:
        return self.loaded.tokenizer.decode(self.ids)

    def logits_by(self, judge: TextModel) -> Tensor:
        """The logits (n, V) of any model before each character of this side's complete text, computed once.

        The own model's are those that the text was drawn from. A model of another vocabulary reads what it knows.
        """
        found = next((logits for model, logits in self.read if model is judge), None)
        if found is None:
            own = judge is self.loaded and len(self.rows) == len(self.ids)
            found = torch.stack(self.rows) if own else read_logits(judge, self.prompt.text, self.text)
            self.read.append((judge, found))
        return found

    def bits_by(self, judge: TextModel) -> list[float] | None:
        """The surprise of each character of this side's text under any model; None if it cannot spell the text."""
        if judge is self.loaded and len(self.bits) == len(self.ids):
            return self.bits
        known = judge.tokenizer.ids
        if not self.ids or any(char not in known for char in self.text):
            return None
        ids = torch.tensor([known[char] for char in self.text])
        return (F.cross_entropy(self.logits_by(judge), ids, reduction="none") * BITS).tolist()


def _sampled(loaded: TextModel, prompt: Prompt, params: SamplingParams) -> Iterator[Written]:
    ids: list[int] = []
    bits: list[float] = []
    rows: list[Tensor] = []
    for step in generate_steps(loaded.model, prompt.ids, params, draft=loaded.draft):
        ids.append(step.id)
        bits.append(-torch.log_softmax(step.logits, -1)[step.id].item() * BITS)
        rows.append(step.logits)
        yield ids, bits, rows


def _searched(loaded: TextModel, prompt: Prompt, width: int, count: int) -> Iterator[Written]:
    """An earlier character of the best beam may still change, so its bits are computed at the end."""
    for beam in beam_search(loaded.model, prompt.ids, width, count):
        yield beam.ids, [], []


def write_together(zoo: Zoo, run: Run, frame: float = FRAME) -> Iterator[list[Side]]:
    """Let the models of a run continue its prompt in lock step, each character with the same noise on all sides.

    Yields the sides at the first character, then once a frame, and at last complete. Raises ValueError before
    the first yield for anything that is refused, and TimeoutError after TIME_LIMIT seconds.
    """
    sides = [Side.of(zoo.get(name), run) for name in run.names]
    began = last = time.perf_counter()
    while True:
        going = [side.advance() for side in sides]  # a list: when one side ends, the others must still take this step
        if not all(going):
            break
        now = time.perf_counter()
        if len(sides[0].ids) == 1 or now - last > frame:
            last = now
            yield sides
        if now - began > TIME_LIMIT:
            raise TimeoutError(f"Stopped after {TIME_LIMIT:.0f} seconds.")
    yield sides


def judges_of(sides: Sequence[Side]) -> list[TextModel]:
    """The models of all sides, each once."""
    return list({side.loaded.name: side.loaded for side in sides}.values())
