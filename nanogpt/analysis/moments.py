"""The moments of a text: a model has read up to a character, and the next one follows. Knows the residual stream.

A position is the index of the last character that was read. Its next character is the one that follows in the text;
after the last character it is the one that the model finds likeliest. Its rival is the likeliest of all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nanogpt.analysis.parts import layers_of
from nanogpt.analysis.residual import Stream, joined, logits_of, residual_streams
from nanogpt.checks import whole
from nanogpt.generation.reader import MAX_CONTEXT
from nanogpt.generation.text_model import TextModel


@dataclass(frozen=True, eq=False)
class Moments:
    """The T moments of a text, and what the model computed at each."""

    ids: Tensor  # (T,) the characters that were read
    next: Tensor  # (T,)
    rival: Tensor  # (T,)
    logits: Tensor  # (T, V) float32
    windows: list[Stream]  # the residual stream, window by window
    stream: Stream  # the same, one row for each character: its tensors are (T, C)

    @property
    def difference(self) -> Tensor:
        """The logit of the next character minus that of its rival, (T,)."""
        pair = self.logits.gather(-1, torch.stack((self.next, self.rival), dim=-1))
        return pair[:, 0] - pair[:, 1]


@torch.inference_mode()
def moments_of(model: TextModel, ids: Sequence[int], context: int = 0) -> Moments:
    """The moments of ids, of which the last block_size are read.

    With a `context` above 0 the model looks back at most so many characters. Raises ValueError for a model without
    layers, for no ids, and for a context out of range.
    """
    if not layers_of(model.model):
        raise ValueError(no_layers(model))
    if not len(ids):
        raise ValueError("The text holds no character that the model knows.")
    context = whole("Context", context, 0, MAX_CONTEXT)
    text = torch.tensor(list(ids)[-model.block_size :], device=model.model.device)
    windows = residual_streams(model.model, text, context)
    stream = joined(windows)
    logits = logits_of(model.model, stream.after[-1])
    following = torch.cat((text[1:], logits[-1:].argmax(-1)))
    others = logits.scatter(-1, following[:, None], -torch.inf)
    return Moments(text, following, others.argmax(-1), logits, windows, stream)


def no_layers(model: TextModel) -> str:
    """What a model without attention layers does instead, as the message of an error."""
    if model.kind == "mlp":
        return f"The {model.title} has no attention: one network reads the last {model.block_size} characters, no more."
    seen = "character" if model.block_size == 1 else f"{model.block_size} characters"
    return f"The {model.title} has no layers: it reads only the last {seen}."


def check_position(position: object, count: int) -> int:
    """The index of a character among `count`; −1 is the last one. Raises ValueError for one out of range."""
    return whole("Position", position, -count, count - 1) % count
