"""Several runs of one model that write together: a step reads one character of each text in one forward pass.

Knows ids and the models' contract; knows no text, no clock and no thread. Runs join and leave between steps (continuous
batching; Orca, OSDI 2022 §3).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nanogpt.generation.reader import PART, Reader
from nanogpt.generation.sampling import SamplingParams, choose, choose_each, gumbel_noise
from nanogpt.models.base import LanguageModel
from nanogpt.models.kv_cache import FEW

GUESSES = 6  # characters that a draft looks ahead
BEHIND = 8  # of so many texts that have to catch up, one reads a part before the others write on


@dataclass(frozen=True)
class Step:
    """One new character: its place among the new ones, its id, and the raw logits (V,) it was drawn from."""

    position: int
    id: int
    logits: Tensor


@dataclass(eq=False)
class Writer:
    """One run of a batch: what it was asked for, its noise (n, V), and how many characters it has written."""

    params: SamplingParams
    noise: Tensor
    written: int = 0

    @property
    def left(self) -> int:
        """How many characters it has still to write."""
        return self.params.max_new_tokens - self.written


class Batch:
    """Runs of one model. What a run writes does not depend on the others: see `Reader`.

    A `draft`, a small model of the same vocabulary, changes nothing but the speed of a run that writes alone: it
    guesses the next few characters with the same noise, the model reads them all at once, and those that it would have
    drawn itself are kept (speculative decoding, arXiv:2211.17192, with both models coupled by the noise). With a
    `context` above 0 the model looks back at most so many characters.
    """

    def __init__(
        self, model: LanguageModel, *, draft: LanguageModel | None = None, cached: bool = True, context: int = 0
    ):
        self.draft = draft
        self.reader = Reader(model, cached=cached, context=context)
        self.writers: list[Writer] = []  # the run of each of the reader's texts

    def add(self, prompt_ids: Sequence[int], params: SamplingParams) -> Writer:
        """A run that continues `prompt_ids` (at least one id; only what fits the window is read)."""
        noise = gumbel_noise(params.seed, params.max_new_tokens, self.reader.model.vocab_size)
        self.reader.add(prompt_ids[-self.reader.block_size :])
        self.writers.append(Writer(params, noise))
        return self.writers[-1]

    def remove(self, writer: Writer) -> None:
        """End a run, whether it is complete or not."""
        row = self.writers.index(writer)
        self.reader.remove(row)
        self.writers[row] = self.writers[-1]
        self.writers.pop()

    def step(self) -> list[tuple[Writer, Step]]:
        """Write one character of each run, or several of one that writes alone; complete runs leave the batch.

        A run whose beginning, or whose next window, is long catches up in parts, those that have written least first;
        meanwhile the others write on.
        """
        self._catch_up()
        ready = [row for row in range(len(self.writers)) if not self.reader.behind(row)]
        if not ready:
            return []
        guesses = self._guesses() if len(self.writers) == 1 else []
        logits = self.reader.logits(len(guesses) + 1)
        if len(self.writers) == 1:
            written = self._keep(logits[0], guesses)
        else:
            written = self._draw(logits[:, 0], ready)
        for writer in [writer for writer in self.writers if not writer.left]:
            self.remove(writer)
        return written

    def _catch_up(self) -> None:
        late = [row for row in range(len(self.writers)) if self.reader.behind(row)]
        late.sort(key=lambda row: self.writers[row].written)
        budget = PART * -(-len(late) // BEHIND)
        for row in late:
            while budget > 0 and (behind := self.reader.behind(row)):
                count = min(self.reader.alike(row), max(1, budget // behind))
                budget -= count * self.reader.catch_up(row, count)

    def _guesses(self) -> list[int]:
        """What the draft expects of a run that writes alone; the text is extended by it."""
        if self.draft is None:
            return []
        reader, writer = self.reader, self.writers[0]
        ahead = max(0, min(GUESSES, FEW - reader.unread(0), reader.room(0), writer.left - 1))
        noise = writer.noise[writer.written : writer.written + ahead]
        guesses = guess(self.draft, reader.texts[0], writer.params, noise)
        reader.extend(0, guesses)
        return guesses

    def _keep(self, logits: Tensor, guesses: list[int]) -> list[tuple[Writer, Step]]:
        """Of a run that writes alone, the guesses that the model confirms and one character more."""
        writer, first = self.writers[0], self.writers[0].written
        drawn = choose_each(logits, writer.params, writer.noise[first : first + len(logits)])
        kept = next((i for i, (id, guessed) in enumerate(zip(drawn, guesses, strict=False)) if id != guessed), None)
        kept = len(guesses) if kept is None else kept
        self.reader.forget(0, len(guesses) - kept)
        self.reader.extend(0, [drawn[kept]])
        writer.written += kept + 1
        return [(writer, Step(first + i, drawn[i], logits[i])) for i in range(kept + 1)]

    def _draw(self, logits: Tensor, ready: Sequence[int]) -> list[tuple[Writer, Step]]:
        """The next character of each of these rows; those with the same settings are drawn together."""
        alike: dict[tuple[float, int, float], list[int]] = defaultdict(list)
        for row in ready:
            params = self.writers[row].params
            alike[params.temperature, params.top_k, params.top_p].append(row)
        written = []
        of_row = logits.unbind()
        for rows in alike.values():
            writers = [self.writers[row] for row in rows]
            noise = torch.stack([writer.noise[writer.written] for writer in writers])
            ids = choose_each(logits[rows], writers[0].params, noise)
            for row, writer, id in zip(rows, writers, ids, strict=True):
                self.reader.extend(row, [id])
                written.append((writer, Step(writer.written, id, of_row[row])))
                writer.written += 1
        return written


@torch.inference_mode()
def guess(draft: LanguageModel, ids: Sequence[int], params: SamplingParams, noise: Tensor) -> list[int]:
    """How the draft would continue ids, one character for each row of noise (n, V)."""
    seen = draft.block_size
    new = list(ids[-seen:])
    for row in noise:
        new.append(choose(draft(torch.tensor([new[-seen:]], device=draft.device), rows=1)[0, 0].cpu(), params, row))
    return new[len(new) - len(noise) :]
