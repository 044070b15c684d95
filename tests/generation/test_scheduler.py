"""One engine for all visitors: each text is the same as alone, places are freed, and nobody stops the others."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import nanogpt
from nanogpt.generation import scheduler as module
from nanogpt.generation.continuation import stream
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.scheduler import Job, Request, Scheduler
from nanogpt.generation.text_model import TextModel

Named = Callable[..., TextModel]
LONG = SamplingParams(max_new_tokens=2_000)


def request(model: TextModel, prompt: str = "ab", beam: int = 0, context: int = 0, **settings: float) -> Request:
    return Request.of(model, model.read_prompt(prompt), SamplingParams(**settings), beam, context)  # type: ignore[arg-type]


def wait(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it did not come about in 20 s")


def test_many_threads_ask_at_once(text_model: Named) -> None:
    """Models, settings, lengths, beams and contexts at random; some leave early."""
    engine, luck = Scheduler(), random.Random(0)
    names = ("bigram", "trigram", "mlp", "self_attention", "gpt")
    models = [text_model(name) for name in names]
    models = [replace(model, draft=models[0].model) for model in models]
    asked = []
    for i in range(60):
        settings = {"temperature": luck.choice([0, 0.8, 1.5]), "top_k": luck.choice([0, 3]), "seed": i}
        settings["max_new_tokens"] = luck.randint(1, 80)
        how = {"beam": luck.choice([0, 0, 0, 2]), "context": luck.choice([0, 0, 4])}
        asked.append((luck.choice(models), "".join(luck.choices("abc", k=luck.randint(1, 20))), how, settings))
    found: list[str | None] = [None] * len(asked)

    def visit(i: int, model: TextModel, prompt: str, how: dict[str, int], settings: dict[str, float]) -> None:
        time.sleep(luck.random() * 0.3)
        if i % 5 == 4:
            engine.submit([request(model, prompt, **how, **settings)]).cancel()
            return
        (line,) = engine.write([request(model, prompt, **how, **settings)])
        found[i] = model.tokenizer.decode(line.ids)

    threads = [threading.Thread(target=visit, args=(i, *values)) for i, values in enumerate(asked)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, (model, prompt, how, settings) in enumerate(asked):
        assert found[i] == (None if i % 5 == 4 else nanogpt.generate(model, prompt, **how, **settings))
    wait(lambda: not engine.writing)
    assert engine._batches == {}
    assert engine._lines == {}


def test_whoever_is_not_awaited_frees_its_place(text_model: Named) -> None:
    engine = Scheduler(places=2)
    first, second = (engine.submit([request(text_model("gpt"))] * 2) for _ in range(2))
    wait(lambda: first.begun)
    assert (engine.ahead_of(first), engine.ahead_of(second)) == (0, 1)
    assert second.began is None
    first.cancel()
    wait(lambda: second.begun)
    assert first.over
    second.cancel()
    wait(lambda: not engine.writing)


def test_one_that_waits_may_leave(text_model: Named) -> None:
    engine = Scheduler(places=1)
    jobs = [engine.submit([replace(request(text_model("gpt")), params=LONG)]) for _ in range(3)]
    wait(lambda: jobs[0].begun)
    jobs[1].cancel()
    jobs[0].cancel()
    wait(lambda: jobs[2].begun)
    assert jobs[1].began is None
    jobs[2].cancel()


def test_a_new_run_begins_while_long_ones_go_on(text_model: Named) -> None:
    engine = Scheduler()
    long = engine.submit([replace(request(text_model("gpt")), params=LONG)])
    wait(lambda: long.begun)
    (line,) = engine.write([request(text_model("gpt"), max_new_tokens=3)])
    assert len(line.ids) == 3
    assert not long.over
    long.cancel()


def test_a_job_has_a_wall_clock(text_model: Named) -> None:
    engine = Scheduler(time_limit=0.2)
    with pytest.raises(TimeoutError, match=r"Stopped after 0\.2 seconds"):
        engine.write([replace(request(text_model("gpt")), params=LONG)])
    wait(lambda: not engine.writing)


@pytest.mark.parametrize(("count", "seconds"), [(1, 10), (16, 10), (32, 20), (100, 30)])
def test_a_crowd_has_more_time(count: int, seconds: int, text_model: Named, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred who came at once on a slow machine were all stopped, though each step wrote for all of them."""
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    engine = Scheduler(time_limit=10)
    asked = request(text_model("gpt"), max_new_tokens=2_000)
    jobs = [Job([asked], lambda: None) for _ in range(count)]
    engine.waiting.extend(jobs)
    engine._admit()
    while engine.writing:
        engine.step()
        now[0] += 1
    assert {str(job.error) for job in jobs} == {f"Stopped after {seconds} seconds."}


def test_whoever_watches_may_end_it(text_model: Named) -> None:
    engine, looks = Scheduler(), []

    def watched(steps: Iterator[object]) -> Iterator[object]:
        for step in steps:
            looks.append(step)
            if len(looks) == 3:
                raise InterruptedError
            yield step

    with pytest.raises(InterruptedError):
        engine.write([replace(request(text_model("gpt")), params=LONG)], watched)
    wait(lambda: not engine.writing)


def test_a_broken_model_stops_nobody_else(text_model: Named) -> None:
    engine = Scheduler()
    good = engine.submit([replace(request(text_model("gpt")), params=LONG)])
    wait(lambda: good.begun)
    model = text_model("bigram")

    def fail(*_: object) -> None:
        raise RuntimeError("this model is broken")

    model.model.register_forward_pre_hook(fail)
    for beam in (0, 2):
        with pytest.raises(RuntimeError, match="this model is broken"):
            engine.write([request(model, beam=beam)])
    assert not good.over
    (line,) = engine.write([request(text_model("gpt"), max_new_tokens=5)])
    assert len(line.ids) == 5
    good.cancel()


def test_a_job_tells_of_its_first_characters_and_its_end(text_model: Named) -> None:
    engine, told = Scheduler(), []
    jobs: list[Job] = []
    submitted = threading.Event()

    def changed() -> None:
        submitted.wait()
        told.append((jobs[0].written > 0, jobs[0].over))

    jobs.append(engine.submit([request(text_model(name), max_new_tokens=30) for name in ("bigram", "gpt")], changed))
    submitted.set()
    wait(lambda: jobs[0].over)
    assert told[0] == (True, False)
    assert told[-1] == (True, True)
    assert len(told) == 2


@pytest.mark.parametrize(("beam", "context", "words"), [(9, 0, "Beam width"), (0, -1, "Context"), (None, 0, "Beam")])
def test_what_is_out_of_range_is_refused(beam: object, context: object, words: str, text_model: Named) -> None:
    model = text_model("gpt")
    with pytest.raises(ValueError, match=words):
        Request.of(model, model.read_prompt("a"), SamplingParams(), beam, context)


def test_a_run_of_a_large_vocabulary_is_refused_by_every_way_in(text_model: Named) -> None:
    model = text_model("gpt", vocab_size=50_000)
    with pytest.raises(ValueError, match="must be at most 671 for a model that knows 50,000"):
        Request.of(model, model.read_prompt("a"), SamplingParams(max_new_tokens=672))
    with pytest.raises(ValueError, match="must be at most 671 for a model that knows 50,000"):
        stream(model, "a", max_new_tokens=672)


def test_the_interpreter_ends_while_runs_are_written() -> None:
    """A thread that is inside of a library then would abort the process."""
    program = """
import time
from nanogpt import load
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.scheduler import Request, Scheduler
model = load("checkpoints/gpt")
job = Scheduler().submit([Request.of(model, model.read_prompt("a"), SamplingParams(max_new_tokens=2000))])
while not job.begun:
    time.sleep(0.01)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
