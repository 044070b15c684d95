"""Why a character comes next: the votes of the parts, the best guess after each layer, and what a part's absence does.

Knows characters and numbers, never a model. The drawing is in why.js and why.css.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import ArrayLike

from nanogpt.playground.components.loader import load_component
from nanogpt.playground.components.packing import packed


def why(elem_id: str, label: str, group: str = "inside") -> gr.HTML:
    """An empty view; give it a `why_value` or a `why_message`. `label` names it for screen readers.

    It draws the position that the views of its `group` point at (see shared.js), the last one if they point at none,
    without asking the server. What a part's absence does follows in the prop `dependence`, a `dependence_value`; with
    None it says "computing…", and with a text it says that. Set it to None together with each new value.
    """
    hint = why_message("Write a text, then point at a character to see why the next one comes.")
    return load_component("why", hint, elem_id, label, group=group, dependence=None)


def why_value(
    chars: Sequence[str],
    vocabulary: Sequence[str],
    *,
    ids: ArrayLike,
    next: ArrayLike,
    rival: ArrayLike,
    difference: ArrayLike,
    sources: Sequence[str],
    votes: ArrayLike,
    after: Sequence[str],
    guess: ArrayLike,
    guess_p: ArrayLike,
    next_p: ArrayLike,
) -> dict[str, Any]:
    """The JSON from which the reasons at each of T positions are drawn.

    Args:
        chars: the T characters that were read.
        vocabulary: all characters in the order of their ids.
        ids: (T,) of `chars`.
        next: (T,) ids of the characters that come next; at the last position, of the likeliest.
        rival: (T,) ids of the runners-up.
        difference: (T,) logit of next − logit of rival.
        sources: the P names of what votes: "input", parts such as "1.1" or "1.mlp", and "rest".
        votes: (T, P), each row sums to `difference`.
        after: the R names of the stages: "input", then "1" … of the layers.
        guess, guess_p: (T, R) id and raw probability of the likeliest character at each stage.
        next_p: (T, R) raw probability of the next character there.

    Raises:
        ValueError: if an array has another shape, an id does not fit 16 bits, or `ids` are not those of `chars`.
    """
    T, P, R = len(chars), len(sources), len(after)
    whole = _of_shapes({"next": (next, (T,)), "rival": (rival, (T,)), "guess": (guess, (T, R))})
    real = _of_shapes(
        {"difference": (difference, (T,)), "votes": (votes, (T, P)), "guess_p": (guess_p, (T, R)),
         "next_p": (next_p, (T, R))}
    )  # fmt: skip
    if [vocabulary[i] for i in np.asarray(ids, np.int64)] != list(chars):
        raise ValueError(f"ids must be those of the {T} characters.")
    return {
        "chars": "".join(chars),
        "vocabulary": "".join(vocabulary),
        "sources": list(sources),
        "after": list(after),
        "whole": packed("<u2", *whole),
        "real": packed("<f4", *real),
        "message": "",
    }


def why_message(message: str) -> dict[str, Any]:
    """The JSON of a view that says `message`, e.g. that a model has no layers, in place of the reasons."""
    nothing: list[int] = []
    empty = why_value(
        [], [], ids=nothing, next=nothing, rival=nothing, difference=nothing, sources=[], votes=np.empty((0, 0)),
        after=[], guess=np.empty((0, 0)), guess_p=np.empty((0, 0)), next_p=np.empty((0, 0)),
    )  # fmt: skip
    return {**empty, "message": message}


def dependence_value(
    parts: Sequence[str], next_p: ArrayLike, choice: ArrayLike, written: ArrayLike | None = None
) -> dict[str, Any]:
    """The JSON of what happens without each of K parts, at each of T positions.

    Args:
        parts: their names.
        next_p: (K, T) raw probability of the next character without the part.
        choice: (K, T) id of the character that would be written without it.
        written: (T,) id of the character that is written with all parts; None: the next one. The two differ in a
            text that the model has not written, where a part's absence must be compared with the model's own choice.

    Raises:
        ValueError: if an array has another shape, or an id does not fit 16 bits.
    """
    K, T = len(parts), np.shape(choice)[-1]
    given: dict[str, tuple[ArrayLike, tuple[int, ...]]] = {"choice": (choice, (K, T))}
    if written is not None:
        given["written"] = (written, (T,))
    return {
        "parts": list(parts),
        "count": T,
        "whole": packed("<u2", *_of_shapes(given)),
        "real": packed("<f4", *_of_shapes({"next_p": (next_p, (K, T))})),
    }


def _of_shapes(given: dict[str, tuple[ArrayLike, tuple[int, ...]]]) -> list[np.ndarray]:
    """The arrays, each of which must have the shape beside it; whole numbers must fit 16 bits."""
    arrays = []
    for name, (array, shape) in given.items():
        found = np.asarray(array)
        if found.shape != shape:
            raise ValueError(f"{name} must have the shape {shape}; got {found.shape}.")
        if found.dtype.kind in "iu" and found.size and not 0 <= found.min() <= found.max() < 2**16:
            raise ValueError(f"{name} must be from 0 to {2**16 - 1}; got {found.min()} to {found.max()}.")
        arrays.append(found)
    return arrays
