"""Why each character of a text follows: votes and lens at all positions at once. Knows both."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from nanogpt.analysis.lens import lens_of, lens_places
from nanogpt.analysis.moments import moments_of
from nanogpt.analysis.votes import vote_sources, votes_of
from nanogpt.generation.text_model import TextModel


@dataclass(frozen=True, eq=False)
class Reasons:
    """Votes and lens at the T positions of a text. P sources vote; the lens looks at R places. Tensors on the CPU."""

    ids: Tensor  # (T,) int64: the characters that were read
    next: Tensor  # (T,) int64: the character after each; after the last one the likeliest
    rival: Tensor  # (T,) int64: the likeliest of all others
    difference: Tensor  # (T,): logit of next − logit of rival, in nats
    sources: list[str]  # P: "input", the parts, "rest"
    votes: Tensor  # (T, P); rows sum to the difference
    after: list[str]  # R: "input", then the layers
    guess: Tensor  # (T, R) int64: the likeliest character there
    guess_p: Tensor  # (T, R): its probability
    next_p: Tensor  # (T, R): the probability of `next` there


def reasons_of(model: TextModel, ids: Sequence[int], context: int = 0) -> Reasons:
    """The votes and the lens at every position of ids, of which the last block_size are read.

    With a `context` above 0 the model looks back at most so many characters. Raises ValueError for a model without
    layers, for no ids, and for a context out of range.
    """
    moments = moments_of(model, ids, context)
    guess, guess_p, next_p = lens_of(model.model, moments)
    return Reasons(
        ids=moments.ids.cpu(),
        next=moments.next.cpu(),
        rival=moments.rival.cpu(),
        difference=moments.difference.cpu(),
        sources=vote_sources(model.model),
        votes=votes_of(model.model, moments),
        after=lens_places(moments),
        guess=guess,
        guess_p=guess_p,
        next_p=next_p,
    )
