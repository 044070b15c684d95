"""An engine for a crowd: one thread owns the models, and the runs of all visitors write together.

Knows models with their tokenizers, batches of runs, and the clock; knows no page. Runs join and leave between steps, so
a run writes its first characters while longer ones go on. What a run writes does not depend on the others: see `Batch`.
"""

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from nanogpt.checks import whole
from nanogpt.generation.batch import Batch, Writer
from nanogpt.generation.beam import MAX_BEAM, Beam, beam_search
from nanogpt.generation.generate import Watch
from nanogpt.generation.reader import MAX_CONTEXT
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel
from nanogpt.text.prompt import Prompt

PLACES = 256  # runs that write at once: 0.7 GB of keys and values, if all are of the GPT in this repository
TIME_LIMIT = 20.0  # seconds that a job may write
CROWD = 16  # jobs; with more than this at once a step takes longer, so the limit grows in proportion
MOST_TIMES = 3.0  # the largest factor by which the limit grows
LIGHT_STEPS = 7  # characters of a model without a cache for each step of one with: it takes a hundredth of the time


@dataclass(frozen=True)
class Request:
    """One run to be written: a model, the ids of its beginning, the settings; a beam width of 0 samples."""

    model: TextModel
    prompt_ids: Sequence[int]
    params: SamplingParams
    beam: int = 0
    context: int = 0  # how many characters the model may look back; 0 is all that it can

    @classmethod
    def of(
        cls, model: TextModel, prompt: Prompt, params: SamplingParams, beam: object = 0, context: object = 0
    ) -> "Request":
        """The request for values that a visitor gave. Raises ValueError for one that is out of range."""
        params.check_size(model.model.vocab_size)
        beam, context = whole("Beam width", beam, 0, MAX_BEAM), whole("Context", context, 0, MAX_CONTEXT)
        return cls(model, prompt.ids, params, beam, context)


@dataclass(eq=False)
class Line:
    """One run as it grows. The engine's thread appends; other threads read."""

    request: Request
    ids: list[int] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)  # the raw logits (V,) from which each was drawn; of a beam, none
    seconds: float = 0.0  # of the engine's time: a step's time is shared by all that it writes
    complete: bool = False
    writer: Writer | None = None  # its place in a batch; None before it has one
    beams: Iterator[Beam] | None = None


class Job:
    """Runs that were asked for together, like the sides of a comparison. Made by `Scheduler.submit`."""

    def __init__(self, requests: Sequence[Request], changed: Callable[[], None]):
        self.lines = [Line(request) for request in requests]
        self.changed = changed  # called from the engine's thread at the first character, and when the job is over
        self.began: float | None = None  # when it left the queue
        self.crowd = 0  # the most jobs, itself among them, that were written at once with it
        self.error: Exception | None = None
        self.begun = False  # every one of its runs has a character
        self.over = False
        self.cancelled = False

    @property
    def written(self) -> int:
        """How many characters every one of its runs has."""
        return min(len(line.ids) for line in self.lines)

    def cancel(self) -> None:
        """Nobody waits for it any longer: it takes no further step."""
        self.cancelled = True


class Scheduler:
    """Takes jobs from any thread, and writes them in its own, which starts with the first job."""

    def __init__(self, places: int = PLACES, time_limit: float = TIME_LIMIT):
        self.places, self.time_limit = places, time_limit
        self.waiting: deque[Job] = deque()
        self.writing: list[Job] = []
        self._batches: dict[tuple[int, int], Batch] = {}  # by the identity of the model, and the context
        self._lines: dict[Writer, Line] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, requests: Sequence[Request], changed: Callable[[], None] = lambda: None) -> Job:
        """Let these runs be written together. `changed` is called at the first character, and when they are over."""
        job = Job(requests, changed)
        with self._changed:
            self.waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._changed.notify()
        return job

    def write(self, requests: Sequence[Request], watched: Watch = iter) -> list[Line]:
        """Write these runs and wait for them. Raises TimeoutError for a run over its time: see `TIME_LIMIT`.

        Several times a second `watched` is passed; it may end the runs by raising an error.
        """
        changed = threading.Event()
        job = self.submit(requests, changed.set)
        try:
            for _ in watched(iter(lambda: job.over, True)):
                changed.wait(0.1)
                changed.clear()
        finally:
            job.cancel()
        if job.error:
            raise job.error
        return job.lines

    def ahead_of(self, job: Job) -> int:
        """How many jobs must end, or begin, before this one begins; 0 once it has begun."""
        with self._changed:
            return self.waiting.index(job) + 1 if job in self.waiting else 0

    def close(self) -> None:
        """End the thread after the step that it is taking. A process that ends inside of a step would abort."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join()

    # --- the engine's thread ---

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self.waiting and not self.writing and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                self._admit()
            self.step()

    def _admit(self) -> None:
        """Let jobs begin in the order in which they came, as far as there are places."""
        taken = sum(len(job.lines) for job in self.writing)
        while self.waiting and (not self.writing or taken + len(self.waiting[0].lines) <= self.places):
            job = self.waiting.popleft()
            if job.cancelled:
                continue
            job.began = time.perf_counter()
            self.writing.append(job)
            taken += len(job.lines)
            try:
                for line in job.lines:
                    self._begin(line)
            except Exception as error:  # whatever is wrong with one job must not stop the others
                self._end(job, error)

    def _begin(self, line: Line) -> None:
        asked = line.request
        model = asked.model.model
        if asked.beam:
            count = asked.params.max_new_tokens
            line.beams = beam_search(model, asked.prompt_ids, asked.beam, count, asked.context)
            return
        key = id(model), asked.context
        if key not in self._batches:
            self._batches[key] = Batch(model, draft=asked.model.draft, context=asked.context)
        line.writer = self._batches[key].add(asked.prompt_ids, asked.params)
        self._lines[line.writer] = line

    def step(self) -> None:
        """Write one character of every run, or a few; end the jobs that are complete, late, or not awaited."""
        for batch in list(self._batches.values()):
            for _ in range(LIGHT_STEPS if batch.reader.cache is None else 1):
                self._step_batch(batch)
        for job in list(self.writing):
            for line in job.lines:
                if line.beams is not None and not line.complete:
                    self._step_beam(job, line)
        for job in list(self.writing):
            self._settle(job)
        self._batches = {key: batch for key, batch in self._batches.items() if batch.writers}

    def _step_batch(self, batch: Batch) -> None:
        if not batch.writers:
            return
        began = time.perf_counter()
        try:
            written = batch.step()
        except Exception as error:  # whatever is wrong with one model must not stop the others
            for job in [job for job in self.writing if any(line.writer in batch.writers for line in job.lines)]:
                self._end(job, error)
            return
        share = (time.perf_counter() - began) / max(1, len(written))
        for writer, step in written:
            line = self._lines[writer]
            line.logits.append(step.logits)  # first: whoever finds an id finds its logits
            line.ids.append(step.id)
            line.seconds += share
            if len(line.ids) == writer.params.max_new_tokens:
                line.complete = True
                del self._lines[writer]

    def _step_beam(self, job: Job, line: Line) -> None:
        assert line.beams is not None
        began = time.perf_counter()
        try:
            line.ids = next(line.beams).ids
        except Exception as error:
            self._end(job, error)
            return
        line.seconds += time.perf_counter() - began
        line.complete = len(line.ids) == line.request.params.max_new_tokens

    def _settle(self, job: Job) -> None:
        assert job.began is not None
        if job.over:
            return
        job.crowd = max(job.crowd, len(self.writing))
        limit = self.time_limit * min(max(1.0, job.crowd / CROWD), MOST_TIMES)
        if job.cancelled or all(line.complete for line in job.lines):
            self._end(job)
        elif time.perf_counter() - job.began > limit:
            self._end(job, TimeoutError(f"Stopped after {limit:.3g} seconds."))
        elif job.written and not job.begun:
            job.begun = True
            job.changed()

    def _end(self, job: Job, error: Exception | None = None) -> None:
        """Free the places of a job, and tell whoever waits for it."""
        for line in job.lines:
            if line.writer in self._lines:
                del self._lines[line.writer]
                self._batch_of(line).remove(line.writer)
        self.writing.remove(job)
        job.error, job.over = error, True
        job.changed()

    def _batch_of(self, line: Line) -> Batch:
        return self._batches[id(line.request.model.model), line.request.context]
