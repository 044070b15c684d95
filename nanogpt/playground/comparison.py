"""A comparison as it is computed: sides that the engine writes together, and each text judged by any model.

Knows models, runs and the engine; knows nothing of what the page shows.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from nanogpt.analysis.draws import read_logits
from nanogpt.analysis.score import BITS
from nanogpt.generation.scheduler import Line, Request, Scheduler
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.frames import FRAME, frames
from nanogpt.playground.limits import in_thread
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo
from nanogpt.text.prompt import Prompt

REMEMBERED = 64 * 2**20  # bytes of logits of complete comparisons, which a visitor may ask for again


@dataclass
class Side:
    """One model's continuation as it grows."""

    loaded: TextModel
    prompt: Prompt
    ids: list[int] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)  # −log2 p of each character, at temperature 1 and before any cut
    seconds: float = 0.0
    ahead: int = 0  # how many jobs must end before it begins
    read: list[tuple[TextModel, Tensor]] = field(default_factory=list)  # what `logits_by` has computed

    @property
    def text(self) -> str:
        return self.loaded.tokenizer.decode(self.ids)

    def take(self, line: Line, count: int) -> None:
        """Take over the first `count` characters that the engine has written."""
        self.ids, self.seconds = line.ids[:count], line.seconds
        if new := line.logits[len(self.bits) : count]:
            ids = torch.tensor(self.ids[len(self.bits) :])
            self.bits += (F.cross_entropy(torch.stack(new), ids, reduction="none") * BITS).tolist()
        if line.complete and count == len(line.logits):
            self.read = [(self.loaded, torch.stack(line.logits))]

    def logits_by(self, judge: TextModel) -> Tensor:
        """The logits (n, V) of any model before each character of this side's complete text, computed once.

        The own model's are those that the text was drawn from. A model of another vocabulary reads what it knows.
        """
        found = next((logits for model, logits in self.read if model is judge), None)
        if found is None:
            found = read_logits(judge, self.prompt.text, self.text)
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

    @property
    def nbytes(self) -> int:
        """What a complete side keeps in memory, once all judges of a comparison have read it."""
        return 4 * len(self.ids) * self.loaded.tokenizer.vocab_size


class Writing:
    """A comparison that is being written. Its sides have the same length: of each, as much as of the shortest."""

    def __init__(self, engine: Scheduler, zoo: Zoo, run: Run):
        """Raises ValueError for anything that is refused."""
        models = [zoo.get(name) for name in run.names]
        self.engine = engine
        self.sides = [Side(model, model.read_prompt(run.prompt)) for model in models]
        self.requests = [Request.of(side.loaded, side.prompt, run.params, run.beam) for side in self.sides]

    def take(self, lines: Sequence[Line], ahead: int = 0) -> list[Side]:
        """The sides as far as the engine has come; `ahead` jobs must end before it begins."""
        count = min(len(line.ids) for line in lines)
        for side, line in zip(self.sides, lines, strict=True):
            side.take(line, count)
            side.ahead = ahead
        return self.sides


class Comparer:
    """Lets the models of a zoo write. The latest complete comparisons are kept: each follows from its settings."""

    def __init__(self, zoo: Zoo, engine: Scheduler | None = None):
        self.zoo, self.engine = zoo, engine or Scheduler()
        self._kept: OrderedDict[object, list[Side]] = OrderedDict()

    async def frames(self, run: Run, pause: float = FRAME) -> AsyncGenerator[list[Side], None]:
        """The sides of a run: see `frames`. A run that is known is complete at once.

        Raises ValueError before the first frame for anything that is refused.
        """
        writing = await in_thread(Writing, self.engine, self.zoo, run)  # it may have to load a model
        key = self._key(run, writing.sides)
        if known := self._known(key):
            yield known
            return
        async with aclosing(frames(self.engine, writing.requests, pause)) as jobs:
            async for job in jobs:
                yield writing.take(job.lines, self.engine.ahead_of(job))
        self._keep(key, writing.sides)

    def written(self, run: Run) -> list[Side]:
        """The sides of a complete run, for whoever waits in a thread. Raises as `frames` does."""
        writing = Writing(self.engine, self.zoo, run)
        key = self._key(run, writing.sides)
        if known := self._known(key):
            return known
        self._keep(key, writing.take(self.engine.write(writing.requests)))
        return writing.sides

    def _key(self, run: Run, sides: Sequence[Side]) -> object:
        """What a comparison follows from: the models themselves, not their names, for they may be replaced."""
        return tuple(id(side.loaded) for side in sides), run.prompt, run.params, run.beam

    def _known(self, key: object) -> list[Side] | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _keep(self, key: object, sides: list[Side]) -> None:
        self._kept[key] = sides
        while sum(side.nbytes * len(kept) for kept in self._kept.values() for side in kept) > REMEMBERED:
            self._kept.popitem(last=False)


def judges_of(sides: Sequence[Side]) -> list[TextModel]:
    """The models of all sides, each once."""
    return list({side.loaded.name: side.loaded for side in sides}.values())
