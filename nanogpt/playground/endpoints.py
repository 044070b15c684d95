"""The endpoints that programs call: the package's public functions under stable names.

Open `/?view=api` on a running app for their documentation; `gradio_client` calls them.
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict, fields
from typing import Any

import gradio as gr

from nanogpt.analysis.alternatives import alternatives
from nanogpt.analysis.figures import combination, stored_figures
from nanogpt.analysis.inspection import head_rows, inspection
from nanogpt.analysis.parts import without
from nanogpt.analysis.score import score
from nanogpt.analysis.trace import trace
from nanogpt.checks import shorter_than, shown, whole
from nanogpt.generation.sampling import MAX_NEW_TOKENS, SamplingParams
from nanogpt.generation.scheduler import Request
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.admission import while_awaited
from nanogpt.playground.comparison import Comparer, Side
from nanogpt.playground.fields import MAX_SIDES
from nanogpt.playground.frames import frames
from nanogpt.playground.limits import in_reading_thread, in_thread, scored_within_limit
from nanogpt.playground.run import Run
from nanogpt.playground.signatures import Endpoint, with_settings
from nanogpt.storage.zoo import Zoo
from nanogpt.text.corpus import corpus_at_hand
from nanogpt.text.prompt import MAX_PROMPT
from nanogpt.text.spelling import Spelling
from nanogpt.text.tokenizer import normalise

MAX_TRACE = 500  # characters: 1.2 MB of JSON with a vocabulary of 65, which waits in memory until it is read
NO_SETTINGS = [f.name for f in fields(SamplingParams)]


def endpoints(zoo: Zoo, comparer: Comparer) -> dict[str, Endpoint]:
    """Name → function, over the checkpoints of `zoo`; `comparer` lets its models write."""

    def models() -> list[str]:
        """The names of the models that can be asked."""
        return zoo.names

    @with_settings(leave_out=("max_new_tokens", "seed"))
    def explain(model: str = "gpt", prompt: str = "", text: str = "", **settings: Any) -> list[dict[str, Any]]:
        """Every character that could follow prompt + text: {char, raw, tempered, kept}, the likeliest first.

        Args:
            model: a name of `/models`.
            prompt: the beginning.
            text: what was written after it.
        """
        loaded = zoo.get(model)
        shorter_than("Text", normalise(text), MAX_NEW_TOKENS)
        return [asdict(row) for row in alternatives(loaded, loaded.read_prompt(prompt), text, **settings)]

    @with_settings(leave_out=NO_SETTINGS)
    def score_text(model: str = "gpt", text: str = "", off: str = "", context: int = 0) -> dict[str, Any]:
        """How surprised a model is by a text that stands alone: {text, left_out, bits, total}.

        Args:
            model: a name of `/models`.
            text: what to judge.
            off: parts of the model to switch off, like "5.3 2.mlp".
            context: how many characters the model may look back; 0 is all that it can.
        """
        loaded = edited(zoo, model, off)
        found = score(loaded, loaded.read_text(scored_within_limit(text)), context)
        return {"text": found.text, "left_out": found.left_out, "bits": found.bits.tolist(), "total": found.total}

    others = {"explain": explain, "score": score_text}
    return {
        "models": models,
        **_of_runs(zoo, comparer),
        **_of_steps(zoo),
        **others,
        **_of_the_inside(zoo),
        **_of_figures(zoo),
    }


def _of_runs(zoo: Zoo, comparer: Comparer) -> dict[str, Endpoint]:
    """The endpoints that continue a prompt."""

    @with_settings()
    async def sample(
        model: str = "gpt", prompt: str = "", *, beam: int = 0, off: str = "", context: int = 0, **settings: Any
    ) -> AsyncIterator[str]:
        """Continue a prompt: the new characters so far, several times a second, at last all of them.

        The page and the command line write the same ones.

        Args:
            model: a name of `/models`.
            prompt: the beginning; an empty one starts from a newline.
            beam: the width of a beam search, 0 to sample.
            off: parts of the model to switch off, like "5.3 2.mlp".
            context: how many characters the model may look back; 0 is all that it can.
        """
        loaded = await in_thread(edited, zoo, model, off)
        read = loaded.read_prompt(prompt)
        request = Request.of(loaded, read, SamplingParams(**settings), beam, context)
        for notice in read.notices:
            gr.Warning(notice)
        async with aclosing(frames(comparer.engine, [request])) as jobs:
            async for job in jobs:
                yield loaded.tokenizer.decode(job.lines[0].ids)

    @with_settings()
    async def compare(
        models: list[str] = ["bigram", "gpt"],  # noqa: B006  # Gradio documents it, nobody changes it
        prompt: str = "",
        *,
        beam: int = 0,
        **settings: Any,
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Several models continue one prompt with the same luck: [{model, prompt, notices, text, bits}, …] so far.

        The bits are those of each character under its own model; of a beam search they come with the last answer.

        Args:
            models: one to four names of `/models`.
            prompt: the beginning, which each model reads with its own vocabulary.
            beam: the width of a beam search, 0 to sample.
        """
        if not isinstance(models, list) or not 1 <= len(models) <= MAX_SIDES:
            raise ValueError(f"Models must be a list of 1 to {MAX_SIDES} names; got {shown(models)}.")
        run = Run.of_models(models, prompt, SamplingParams(**settings), beam)
        async with aclosing(comparer.frames(run)) as comparisons:
            async for sides in comparisons:
                yield [side_so_far(side) for side in sides]
        if run.beam:
            yield [side_so_far(side, await in_reading_thread(side.bits_by, side.loaded)) for side in sides]

    return {"sample": sample, "compare": compare}


def side_so_far(side: Side, bits: list[float] | None = None) -> dict[str, Any]:
    """What `/compare` tells of one side."""
    return {
        "model": side.loaded.name,
        "prompt": side.prompt.text,
        "notices": side.prompt.notices,
        "text": side.text,
        "bits": bits or side.bits,
    }


def _of_steps(zoo: Zoo) -> dict[str, Endpoint]:
    """How a run was drawn."""

    @with_settings(max_new_tokens=100)
    def trace_run(model: str = "gpt", prompt: str = "", **settings: Any) -> str:
        """Every step of a run, as JSON text: the noise and the probabilities of each character, and the choice.

        A trace has at most 500 characters.

        Args:
            model: a name of `/models`.
            prompt: the beginning.
        """
        loaded = zoo.get(model)
        settings["max_new_tokens"] = whole("Number of characters", settings["max_new_tokens"], 1, MAX_TRACE)
        # As text: the same numbers as Python objects take twenty times the memory.
        return json.dumps(trace(loaded, loaded.read_prompt(prompt), watched=while_awaited, **settings))

    return {"trace": trace_run}


def _of_the_inside(zoo: Zoo) -> dict[str, Endpoint]:
    """The endpoints that look into a model as it reads a text."""

    @with_settings(leave_out=NO_SETTINGS)
    def attention_of_head(
        model: str = "gpt", text: str = "", head: str = "1.1", off: str = "", context: int = 0
    ) -> str:
        """Where one head looks, as JSON text: {model, text, head, weights}.

        Row t of the weights holds those of the characters 0 to t, with which the model reads on after character t.

        Args:
            model: a name of `/models`.
            text: what the model reads; its last block_size characters count.
            head: the layer and the head, both from 1.
            off: parts of the model to switch off, like "5.3 2.mlp".
            context: how many characters the model may look back; 0 is all that it can.
        """
        loaded = edited(zoo, model, off)
        read = short_text(loaded, text)
        rows = head_rows(loaded, read, head, context)
        return json.dumps({"model": model, "text": read.text[-loaded.block_size :], "head": head, "weights": rows})

    @with_settings(leave_out=("max_new_tokens",))
    def inspect_moment(
        model: str = "gpt",
        text: str = "",
        position: int = -1,
        off: str = "",
        context: int = 0,
        beginning: int = 0,
        **settings: Any,
    ) -> dict[str, Any]:
        """Why the next character follows: the votes of all parts, the lens, and what changes without each part.

        Args:
            model: a name of `/models`.
            text: what the model reads; its last block_size characters count.
            position: the last character read, from 0; -1 is the last of the text.
            off: parts of the model to switch off, like "5.3 2.mlp".
            context: how many characters the model may look back; 0 is all that it can.
            beginning: the text is a run, which drew all but so many characters with these settings; 0 if it is not.
        """
        loaded = edited(zoo, model, off)
        run = {"beginning": beginning, "watched": while_awaited, **settings}
        return inspection(loaded, short_text(loaded, text), position, context=context, **run)

    return {"attention": attention_of_head, "inspect": inspect_moment}


def _of_figures(zoo: Zoo) -> dict[str, Endpoint]:
    """What was measured once, on unseen text."""

    @with_settings(leave_out=NO_SETTINGS)
    def figures_of_model(model: str = "gpt", off: str = "", context: int = 0) -> dict[str, Any]:
        """What was measured of a model on unseen text: its heads, what each part is worth, bits by the context.

        `python -m nanogpt analyse` measures it. With `off` or `context`, the bits of the model so changed are measured
        now, in a few seconds: {bits, more_bits, …}.

        Args:
            model: a name of `/models`.
            off: parts of the model to switch off, like "5.3 2.mlp".
            context: how many characters the model may look back; 0 is all that it can.
        """
        if off or context:
            edited(zoo, model, off)  # what it refuses is refused with a corpus at hand and without
            corpus = corpus_at_hand()
            if corpus is None:
                raise ValueError("The unseen text is not at hand. /score takes a text of yours, with off and context.")
            return combination(zoo.get(model), corpus, off, context)
        figures = stored_figures(zoo.get(model))
        if figures is None:
            raise ValueError(f"Nothing was measured of {model}: python -m nanogpt analyse {model} measures it.")
        return figures.to_json()

    return {"figures": figures_of_model}


def edited(zoo: Zoo, name: str, off: object) -> TextModel:
    """The model of that name without the parts in `off`. Raises ValueError for a part or a model that is not there."""
    if not isinstance(off, str):
        raise ValueError(f"Parts to switch off must be a text like 5.3 2.mlp; got {shown(off)}.")
    return without(zoo.get(name), off)


def short_text(model: TextModel, text: object) -> Spelling:
    """A text to look into, at most as long as a run with its beginning. Raises ValueError for a longer one."""
    read = model.read_text(text)
    shorter_than("Text", read.text, MAX_PROMPT + MAX_NEW_TOKENS)
    return read
