"""What the panels and the track show: the texts, bits and figures of a comparison as the values of components.

Knows sides, models and component values; computes no probability.
"""

from collections.abc import Sequence
from typing import Any

from nanogpt.analysis.score import BITS, Score
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.colours import colour_of
from nanogpt.playground.comparison import Side, judges_of
from nanogpt.playground.components.text_panel import text_value
from nanogpt.playground.components.track import track_message, track_value

Stat = tuple[str, str, str]  # words, number, unit: one figure of a panel's footer


def describe_model(loaded: TextModel) -> str:
    """A model in a few words, which fit a panel: its size, and how many characters it sees, its context."""
    n = loaded.parameters
    size = f"{n / 1e6:.2f} M" if n >= 1e6 else f"{n:,}"
    return f"{size} parameters · context {loaded.block_size:,}"


def _characters(count: int) -> str:
    return "character" if count == 1 else "characters"


def shared_marks(texts: Sequence[str]) -> list[str]:
    """For each text "1" at every character that all texts have at that place, "0" at all others.

    Sides write in lock step, so a text has no partner only where another side is already at its end.
    """
    marks = "".join("1" if len(set(column)) == 1 else "0" for column in zip(*texts, strict=False))
    return [marks.ljust(len(text), "0") for text in texts]


def side_panels(
    sides: Sequence[Side], names: Sequence[str], status: str, run: int | None = None, notice: str = ""
) -> list[dict[str, Any]]:
    """What the panels of a run draw in one frame.

    Args:
        names: all models of the page: the place among them gives each its colour.
        status: how far the run is, a word of `STATUSES`.
        run: the id of the run that the frame belongs to.
        notice: a sentence about the run.
    """
    return [
        _panel(side, shared, names, side.bits, _figures(side, status, side.bits), status, run, notice)
        for side, shared in zip(sides, shared_marks([side.text for side in sides]), strict=True)
    ]


def waiting_in_words(ahead: int) -> str:
    """What a run that has not begun says of its place; "" for one that has."""
    if not ahead:
        return ""
    return (
        "Many visitors are writing. Yours is next."
        if ahead == 1
        else f"Many visitors are writing; {ahead - 1} more wait before you."
    )


def judged_panels(
    sides: Sequence[Side], names: Sequence[str], colour: int, run: int | None = None, notices: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The panels of a complete run: each text judged by every side's model, with a sentence about each if given.

    `colour` is the number of the side whose model's bits tint all texts, from 1; or 0: each text by its own model.
    """
    judges = judges_of(sides)
    panels = []
    marks = shared_marks([side.text for side in sides])
    for side, shared, notice in zip(sides, marks, notices or [""] * len(sides), strict=True):
        verdicts = {judge.name: side.bits_by(judge) or [] for judge in judges}
        stats = _figures(side, "done", verdicts[side.loaded.name])
        for judge in judges:
            if verdicts[judge.name] and judge is not side.loaded:
                stats.append((f"{judge.title} needs", _mean(verdicts[judge.name]), ""))
        tint = verdicts[(sides[colour - 1] if colour else side).loaded.name]
        panels.append(_panel(side, shared, names, tint, stats, "done", run, notice))
    return panels


def _panel(
    side: Side,
    shared: str,
    names: Sequence[str],
    tint: Sequence[float],
    stats: list[Stat],
    status: str,
    run: int | None,
    notice: str = "",
) -> dict[str, Any]:
    value = text_value(
        title=side.loaded.title,
        subtitle=describe_model(side.loaded),
        prompt=side.prompt.text,
        text=side.text,
        bits=tint,
        shared=shared,
        colour=colour_of(names, side.loaded.name),
        stats=stats,
        notice=" ".join([*side.prompt.notices, notice]).strip(),
        status=status,
        run=run,
    )
    return {**value, "model": side.loaded.name}


def _figures(side: Side, status: str, bits: Sequence[float]) -> list[Stat]:
    """The footer of a side: how long its text is, and how surprising it is to its own model."""
    n = len(side.ids)
    stats = [("", f"{n:,}", _characters(n))]
    if status == "running" and side.seconds:
        stats.append(("", f"{n / side.seconds:,.0f}", "a second"))
    if bits:
        stats.append(("", _mean(bits), "bits a character"))
    return stats


def _mean(bits: Sequence[float], digits: int = 2) -> str:
    return f"{sum(bits) / len(bits):.{digits}f}"


def bits_of(score: Score) -> list[float]:
    """The bits of each character, in the precision in which models compute."""
    return (score.nats * BITS).tolist()


def scored_panel(loaded: TextModel, score: Score, names: Sequence[str]) -> dict[str, Any]:
    """What the panel of a visitor's own text draws, judged by one model of `names`, all models of the page."""
    bits = bits_of(score)
    return text_value(
        title=loaded.title,
        subtitle=describe_model(loaded),
        text=score.text,
        bits=bits,
        colour=colour_of(names, loaded.name),
        stats=[
            ("", f"{len(bits):,}", _characters(len(bits))),
            ("", _mean(bits, 4), "bits a character"),
            ("", f"{sum(bits):,.1f}", "bits in all"),
        ],
        notice=score.left_out,
        status="done",
    )


def saved_by_last(sides: Sequence[Side], names: Sequence[str]) -> dict[str, Any]:
    """The track of the bits that the last side's model saves, on its own text, against the first side's."""
    judges = first, last = sides[0].loaded, sides[-1].loaded
    bits = [sides[-1].bits_by(judge) for judge in judges]
    lead = f"Only the last side's text, under the {last.title} and the {first.title}."
    return bits_saved(judges, bits, sides[-1].text, lead, len(sides), names)


def bits_saved(
    judges: tuple[TextModel, TextModel],
    bits: Sequence[Sequence[float] | None],
    text: str,
    lead: str,
    side: int,
    names: Sequence[str],
) -> dict[str, Any]:
    """The track of what the second of two models saves against the first on a text that both can spell.

    Args:
        bits: the bits of each character under each of the two; None if it cannot spell the text.
        lead: a sentence that says whose text it is, and names both models.
        side: the number of the text on the page.
        names: all models of the page: the place among them gives each its colour.
    """
    against, model = judges
    theirs, own = bits
    if model is against or not own or not theirs or len(own) != len(theirs):
        return track_message("Choose two different models to see where one is less surprised than the other.")
    return track_value(
        title=f"Bits saved by the {model.title}",
        lead=lead,
        names=(model.title, against.title),
        bits=(own, theirs),
        characters=list(text),
        side=side,
        colours=(colour_of(names, model.name), colour_of(names, against.name)),
    )
