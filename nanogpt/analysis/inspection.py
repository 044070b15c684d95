"""One moment of a text, looked into from all sides: votes, lens, dependence, and where the heads look.

Made of plain JSON values; the command line and the API give the same ones.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from nanogpt.analysis.attention import attention
from nanogpt.analysis.dependence import dependence
from nanogpt.analysis.lens import lens
from nanogpt.analysis.moments import check_position, no_layers
from nanogpt.analysis.parts import part_names, read_parts
from nanogpt.analysis.votes import votes
from nanogpt.checks import shown
from nanogpt.generation.text_model import TextModel
from nanogpt.text.spelling import Spelling

LOOKS = 3  # columns named for each head when all heads are told of


def inspection(
    model: TextModel, text: str | Spelling, position: int = -1, *, context: int = 0, **run: Any
) -> dict[str, Any]:
    """The results of `votes`, `lens` and `dependence` for one position of a text.

    `run` holds `beginning`, the settings and `watched` of `dependence`. What had to be changed in the text stands in
    "notices". Raises ValueError as these functions do.
    """
    spelt = model.read_text(text)
    why = votes(model, spelt, position, context=context)
    guesses = lens(model, spelt, position, context=context)
    effects = dependence(model, spelt, position, context=context, **run)
    read = spelt.text[-model.block_size :]
    return {
        "model": model.name,
        "text": read,
        "notices": spelt.notices,
        "position": check_position(position, len(read)),
        "next": why.next,
        "next_p": effects[0].p,
        "rival": why.rival,
        "difference": why.difference,
        "choice": effects[0].choice,
        "votes": why.parts,
        "lens": [{key: value for key, value in asdict(guess).items() if key != "next"} for guess in guesses],
        "dependence": [
            {"part": effect.part, "next_p": effect.p_without, "choice": effect.choice_without} for effect in effects
        ],
    }


def read_heads(model: TextModel, given: object) -> list[str]:
    """The heads that a list of parts names. Raises ValueError for a name that the model does not have, or an MLP's."""
    names = part_names(model.model)
    heads = [name for name in names if not name.endswith("mlp")]
    if not heads:
        raise ValueError(no_layers(model))
    chosen: list[str] = []
    if isinstance(given, str) and set(given.replace(",", " ").split()) <= {*names, "attention"}:
        chosen = read_parts(model, given)
    if not chosen or not set(chosen) <= set(heads):
        raise ValueError(f"Heads are {heads[0]} to {heads[-1]}, or attention for all; got {shown(given)}.")
    return chosen


def head_rows(model: TextModel, text: str | Spelling, head: str, context: int = 0) -> list[list[float]]:
    """The weights of one head, row by row: row t holds those of the characters 0 to t, to six digits; they sum to 1.

    Raises ValueError as `attention` does, and for what is not the name of one head.
    """
    chosen = read_heads(model, head)
    if len(chosen) > 1:
        raise ValueError(f"One head at a time, like {chosen[0]}; got {shown(head)}.")
    layer, number = map(int, chosen[0].split("."))
    rows = attention(model, model.read_text(text), context)[layer - 1, number - 1].tolist()
    return [[float(f"{weight:.6g}") for weight in row[: t + 1]] for t, row in enumerate(rows)]


def looks(
    model: TextModel, text: str | Spelling, position: int = -1, heads: str = "attention", context: int = 0
) -> dict[str, list[float]]:
    """Where heads look from one position: for each head its weights on the characters up to there.

    Raises ValueError as `attention` does, and for the name of what is no head.
    """
    chosen = read_heads(model, heads)
    weights = attention(model, model.read_text(text), context)
    at = check_position(position, weights.size(-1))
    row = weights[:, :, at, : at + 1].tolist()
    return {name: row[int(layer) - 1][int(head) - 1] for name in chosen for layer, head in [name.split(".")]}


def inspection_lines(found: dict[str, Any], weights: dict[str, list[float]]) -> Iterator[str]:
    """An inspection and the weights of some heads as lines of text."""
    text, at, after, rival = found["text"], found["position"], repr(found["next"]), repr(found["rival"])
    yield f"After {text[max(0, at - 30) : at + 1]!r} (position {at}): next {after}, rival {rival}"
    yield f"\nVotes: logit of {after} − logit of {rival} = {found['difference']:+.3f} nats, the sum of"
    for source, vote in found["votes"].items():
        yield f"  {source:<6} {vote:+8.3f}"
    yield f"\nLens: the raw guess after each block, its probability, and that of {after}"
    for row in found["lens"]:
        yield f"  {row['after']:<6} {row['char']!r:<5} {row['p']:8.3g} {row['next_p']:8.3g}"
    yield f"\nDependence: {after} has {found['next_p']:.3g} and {found['choice']!r} would be written; without a part"
    for row in found["dependence"]:
        changed = "" if row["choice"] == found["choice"] else "  changed"
        yield f"  {row['part']:<6} {row['next_p']:8.3g}  {row['choice']!r}{changed}"
    all_columns = len(weights) == 1
    yield "\nAttention: " + ("the weight of each character" if all_columns else "the largest weights of each head")
    for head, row in weights.items():
        columns = range(len(row)) if all_columns else sorted(range(len(row)), key=lambda j: -row[j])[:LOOKS]
        told = [f"{j} {text[j]!r} {row[j]:.3g}" for j in columns]
        yield f"  {head:<6} " + ("\n         " if all_columns else ", ").join(told)
