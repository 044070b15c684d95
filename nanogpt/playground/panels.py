"""What the panels and the track show: the texts, bits and figures of a comparison as the values of components.

Knows sides, models and component values; computes no probability.
"""

from collections.abc import Sequence
from typing import Any

from nanogpt.analysis.score import BITS, Score
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.comparison import Side, judges_of
from nanogpt.playground.components.text_panel import text_value
from nanogpt.playground.components.track import track_message, track_value


def describe_model(loaded: TextModel) -> str:
    """A model in a few words: its size, and how many characters it sees."""
    n = loaded.parameters
    size = f"{n / 1e6:.2f} M" if n >= 1e6 else f"{n:,}"
    seen = f"{loaded.block_size:,} character{'s' if loaded.block_size > 1 else ''}"
    return f"{size} parameters · sees {seen}"


def side_panel(
    side: Side,
    status: str,
    run: int | None = None,
    verdicts: Sequence[tuple[TextModel, list[float] | None]] = (),
    tint: list[float] | None = None,
    notice: str = "",
) -> dict[str, Any]:
    """What the panel of a side draws.

    Args:
        status: how far the run is, a word of `STATUSES`.
        run: the id of the run that the frame belongs to.
        verdicts: (model, bits of each character under it) of a complete text, this side's own model among them.
        tint: the bits that tint the characters; the own model's unless given.
    """
    own = next((bits for judge, bits in verdicts if judge is side.loaded), side.bits)
    stats = [(f"{len(side.ids):,}", "characters")]
    if side.seconds:
        stats.append((f"{len(side.ids) / side.seconds:,.0f}", "a second"))
    if own:
        stats.append((f"{sum(own) / len(own):.2f}", f"bits each by the {side.loaded.title}"))
        stats.append((f"{sum(own):,.0f}", "bits in all"))
    for judge, bits in verdicts:
        if bits and judge is not side.loaded:
            stats.append((f"{sum(bits) / len(bits):.2f}", f"bits each by the {judge.title}"))
    value = text_value(
        title=side.loaded.title,
        subtitle=describe_model(side.loaded),
        prompt=side.prompt.text,
        text=side.text,
        bits=(own if tint is None else tint) or (),
        stats=stats,
        notice=" ".join([*side.prompt.notices, notice]).strip(),
        status=status,
        run=run,
    )
    return {**value, "model": side.loaded.name}


def judged_panels(sides: Sequence[Side], colour: int, run: int | None = None) -> list[dict[str, Any]]:
    """The panels of a complete run: each text judged by every side's model.

    `colour` is the number of the side whose model's bits tint all texts, from 1; or 0: each text by its own model.
    """
    judges = judges_of(sides)
    panels = []
    for side in sides:
        verdicts = [(judge, side.bits_by(judge)) for judge in judges]
        tint = next(bits for judge, bits in verdicts if judge is sides[colour - 1].loaded) if colour else None
        panels.append(side_panel(side, "done", run, verdicts, (tint or []) if colour else None))
    return panels


def bits_of(score: Score) -> list[float]:
    """The bits of each character, in the precision in which models compute."""
    return (score.nats * BITS).tolist()


def scored_panel(loaded: TextModel, score: Score) -> dict[str, Any]:
    """What the panel of a visitor's own text draws, judged by one model."""
    bits = bits_of(score)
    return text_value(
        title=loaded.title,
        subtitle=describe_model(loaded),
        text=score.text,
        bits=bits,
        stats=[
            (f"{len(bits):,}", "characters"),
            (f"{sum(bits) / len(bits):.4f}", "bits each"),
            (f"{sum(bits):,.1f}", "bits in all"),
        ],
        notice=score.left_out,
        status="done",
    )


def saved_by_last(sides: Sequence[Side]) -> dict[str, Any]:
    """The track of the bits that the last side's model saves, on its own text, against the first side's."""
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
