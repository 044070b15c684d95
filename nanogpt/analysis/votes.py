"""Votes: how much each head and each MLP added to the logit of the next character against its rival.

This is direct logit attribution: the stream is a sum, and with the final norm's scale held at its actual value the
logits are linear in it (Elhage et al., "A Mathematical Framework for Transformer Circuits", 2021,
https://transformer-circuits.pub/2021/framework/). Knows the residual stream.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nanogpt.analysis.moments import Moments, check_position, moments_of
from nanogpt.analysis.parts import layers_of, part_names
from nanogpt.analysis.residual import matrix_of, projection_of, readout_of
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.text.spelling import Spelling, with_warnings

NORM_EPSILON = 1e-5  # as in `LayerNorm`


@dataclass(frozen=True)
class Votes:
    """Why the next character and not its rival: what each part added to their logit difference, in nats."""

    next: str
    rival: str
    difference: float  # logit of `next` − logit of `rival`; the parts sum to it
    parts: dict[str, float]  # by source, see `vote_sources`


def vote_sources(model: LanguageModel) -> list[str]:
    """Whose votes are counted: "input" is what the embeddings brought, "rest" the biases that belong to no part."""
    return ["input", *part_names(model), "rest"]


@torch.inference_mode()
def votes_of(model: LanguageModel, moments: Moments) -> Tensor:
    """The votes of each source at each moment, (T, P); each row sums to the logit difference of next and rival.

    An MLP's own biases belong to it. The bias of an attention's projection belongs to none of its heads: it is in
    "rest", with the bias of the final norm. A part that is off votes 0.
    """
    stream = moments.stream
    final = stream.after[-1]
    norm, head = readout_of(model)
    unembedding = matrix_of(head, final)[0].T  # (V, C)
    wanted = unembedding[moments.next] - unembedding[moments.rival]  # (T, C)
    # The derivative of the difference by the stream, with the norm's scale frozen; the norm takes off the mean.
    spread = (final.var(-1, correction=0, keepdim=True) + NORM_EPSILON).sqrt()
    direction = wanted * norm.weight
    direction = (direction - direction.mean(-1, keepdim=True)) / spread
    votes = [(stream.entering * direction).sum(-1, keepdim=True)]
    rest = torch.zeros_like(votes[0]) if norm.bias is None else wanted @ norm.bias[:, None]
    for i, layer in enumerate(layers_of(model)):
        projection, bias = projection_of(layer.attention, final)
        n_head, head_dim, _ = projection.shape
        wish = (direction @ projection.flatten(0, 1).T).unflatten(-1, (n_head, head_dim))
        votes.append((stream.heads[i].unflatten(-1, (n_head, head_dim)) * wish).sum(-1))
        rest = rest + direction @ bias[:, None]
        if layer.mlp is not None:
            votes.append(((stream.after[i] - stream.attended[i]) * direction).sum(-1, keepdim=True))
    return torch.cat([*votes, rest], dim=-1).float().cpu()


def votes(model: TextModel, text: str | Spelling, position: int = -1, *, context: int = 0) -> Votes:
    """Why this next character: what each head and each MLP added to its logit against its rival's.

    The model has read `text` up to the character at `position`. The next character is the one that follows there, or
    the likeliest one after the last; its rival is the likeliest of all others. Of a text of more than block_size
    characters only the last block_size are read, and position 0 is the first of those. With a `context` above 0 the
    model looks back at most so many characters. Characters that the model does not know are left out, after a
    UserWarning; a text that `model.read_text` has read gives no warning. Raises ValueError for a model without layers,
    for a text of which nothing is left, and for a position or a context out of range.
    """
    spelt = with_warnings(text, model.read_text(text))
    moments = moments_of(model, spelt.ids, context)
    at = check_position(position, len(moments.ids))
    chars = model.tokenizer.chars
    added = votes_of(model.model, moments)[at].tolist()
    return Votes(
        chars[int(moments.next[at])],
        chars[int(moments.rival[at])],
        moments.difference[at].item(),
        dict(zip(vote_sources(model.model), added, strict=True)),
    )
