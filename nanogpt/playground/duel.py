"""A comparison as it happens: sides that write in lock step, and what each panel shows of them.

Knows loaded models, the engine and panel values; knows nothing of Gradio's events.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from nanogpt import checks
from nanogpt.analysis import score
from nanogpt.generation.beam import beam_search
from nanogpt.generation.continuation import MAX_BEAM
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.components.text import text_value
from nanogpt.playground.components.track import track_message, track_value
from nanogpt.storage.zoo import Zoo
from nanogpt.text.prompt import Prompt

FRAME = 0.1  # seconds between updates of the page: faster costs the browser more than the eye sees
SELDOM = 0.5  # the same where a text changes under a slider: it need not be seen to be written again
PREVIEW = 0.05  # seconds that a preview writes: whoever lets the slider go waits for its end
TIME_LIMIT = 20.0  # seconds a run may take
METHODS = {"sample": "Sample", "beam": "Beam search"}


@dataclass
class Side:
    """One model's continuation as it grows."""

    loaded: TextModel
    prompt: Prompt
    stream: Iterator[tuple[list[int], list[float]]]
    ids: list[int] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)  # −log2 p of each character, at temperature 1, uncut
    seconds: float = 0.0

    @classmethod
    def of(cls, loaded: TextModel, prompt: object, params: SamplingParams, method: str, width: int) -> "Side":
        checked = loaded.read_prompt(prompt)
        stream = _beamed(loaded, checked, width, params.max_new_tokens) if method == "beam" else None
        return cls(loaded, checked, stream or _sampled(loaded, checked, params))

    def advance(self) -> bool:
        """Write one more character; False when the run is over."""
        began = time.perf_counter()
        state = next(self.stream, None)
        self.seconds += time.perf_counter() - began
        if state is None:
            return False
        self.ids, self.bits = state
        return True

    @property
    def text(self) -> str:
        return self.loaded.tokenizer.decode(self.ids)

    def bits_by(self, judge: TextModel) -> list[float] | None:
        """The surprise of each character of this side's text under any model; None if it cannot spell the text."""
        if judge is self.loaded and len(self.bits) == len(self.ids):
            return self.bits
        if not self.ids or judge.tokenizer.split_unknown(self.text)[1]:
            return None
        context = judge.tokenizer.encode(self.prompt.text) or [judge.tokenizer.start_id]
        return (score.char_nats(judge.model, context, judge.tokenizer.encode(self.text)) * score.BITS).tolist()

    def value(self, status: str, judges: Sequence[TextModel] = (), colour: int = 0, notice: str = "") -> dict[str, Any]:
        """What the panel draws. `judges`, this side's model among them, give their verdicts on a complete text;
        the letters are tinted by the bits of this side's own model, or of judge number `colour`, from 1."""
        by_judge = [(judge, self.bits_by(judge)) for judge in judges]
        own = next((bits for judge, bits in by_judge if judge is self.loaded), self.bits)
        stats = [(f"{len(self.ids):,}", "characters")]
        if self.seconds:
            stats.append((f"{len(self.ids) / self.seconds:,.0f}", "a second"))
        if own:
            stats.append((f"{sum(own) / len(own):.2f}", f"bits each by the {self.loaded.title}"))
            stats.append((f"{sum(own):,.0f}", "bits in all"))
        for judge, bits in by_judge:
            if bits and judge is not self.loaded:
                stats.append((f"{sum(bits) / len(bits):.2f}", f"bits each by the {judge.title}"))
        tint = by_judge[colour - 1][1] if by_judge and colour else own
        value = text_value(
            title=self.loaded.title,
            subtitle=describe(self.loaded),
            prompt=self.prompt.text,
            text=self.text,
            bits=tint or (),
            stats=stats,
            notice=" ".join([*self.prompt.notices, notice]).strip(),
            status=status,
        )
        return {**value, "model": self.loaded.name}


def _sampled(loaded: TextModel, prompt: Prompt, params: SamplingParams) -> Iterator[tuple[list[int], list[float]]]:
    ids: list[int] = []
    bits: list[float] = []
    for step in generate_steps(loaded.model, prompt.ids, params, draft=loaded.draft):
        ids.append(step.id)
        bits.append(-torch.log_softmax(step.logits, -1)[step.id].item() * score.BITS)
        yield ids, bits


def _beamed(loaded: TextModel, prompt: Prompt, width: int, count: int) -> Iterator[tuple[list[int], list[float]]]:
    """The best beam may change in the middle, so its bits are counted when it is complete."""
    for beam in beam_search(loaded.model, prompt.ids, width, count):
        yield beam.ids, []


def describe(loaded: TextModel) -> str:
    """A model in a few words: its size and its sight."""
    n = loaded.parameters
    size = f"{n / 1e6:.2f} M" if n >= 1e6 else f"{n:,}"
    sight = f"{loaded.block_size:,} character{'s' if loaded.block_size > 1 else ''}"
    return f"{size} parameters · sees {sight}"


def duel(
    zoo: Zoo,
    prompt: object,
    names: Sequence[object],
    params: SamplingParams,
    method: object = "sample",
    width: object = 4,
    frame: float = FRAME,
) -> Iterator[list[Side]]:
    """Let the named models continue `prompt` in lock step, each character with the same noise on all sides.

    Yields the sides at the first character, then once a frame, and at last complete. Raises ValueError before
    the first yield for anything that is refused, and TimeoutError after TIME_LIMIT seconds.
    """
    method = checks.one_of("Method", method, METHODS)
    width = checks.whole("Beam width", width, 1, MAX_BEAM)
    sides = [Side.of(zoo.get(name), prompt, params, method, width) for name in names]
    began = last = time.perf_counter()
    while True:
        going = [side.advance() for side in sides]  # all of them: one that ends must not keep another from its turn
        if not all(going):
            break
        now = time.perf_counter()
        if len(sides[0].ids) == 1 or now - last > frame:
            last = now
            yield sides
        if now - began > TIME_LIMIT:
            raise TimeoutError(f"Stopped after {TIME_LIMIT:.0f} seconds.")
    yield sides


def verdicts(sides: Sequence[Side], colour: int) -> list[dict[str, Any]]:
    """The panels of a complete run: every side's text judged by every side's model, each model once."""
    judges = list({side.loaded.name: side.loaded for side in sides}.values())
    colours = [side.loaded.name for side in sides]
    chosen = 1 + [j.name for j in judges].index(colours[colour - 1]) if colour else 0
    return [side.value("done", judges, chosen) for side in sides]


def saved_by_last(sides: Sequence[Side]) -> dict[str, Any]:
    """How many bits the last side's model saves, on its own text, against the first side's."""
    first, last = sides[0], sides[-1]
    return bits_saved(last.loaded, first.loaded, last.text, last.bits_by(last.loaded), last.bits_by(first.loaded))


def bits_saved(
    model: TextModel, against: TextModel, text: str, bits: Sequence[float] | None, their_bits: Sequence[float] | None
) -> dict[str, Any]:
    """The track of what one model saves against another on a text that both can spell."""
    if model is against or not bits or not their_bits or len(bits) != len(their_bits):
        return track_message("Choose two different models to see where one is less surprised than the other.")
    return track_value(
        title=f"Bits saved by the {model.title}",
        lead=f"above the line the {model.title} was less surprised than the {against.title}",
        names=(model.title, against.title),
        bits=(bits, their_bits),
        characters=list(text),
    )
