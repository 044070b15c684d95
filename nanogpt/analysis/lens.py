"""The layer lens: what the model would guess if it stopped after each block.

The final norm and the head read the stream after each block as if it were the last: the logit lens (nostalgebraist,
"interpreting GPT: the logit lens", 2020, https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru). Knows the residual stream.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nanogpt.analysis.moments import Moments, check_position, moments_of
from nanogpt.analysis.residual import logits_of
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.text.spelling import Spelling, with_warnings


@dataclass(frozen=True)
class Guess:
    """The likeliest next character after one block, raw: before any temperature or cut."""

    after: str  # "input" is the stream before the first layer, "1" after layer 1
    char: str
    p: float
    next: str  # the character that follows
    next_p: float


def lens_places(moments: Moments) -> list[str]:
    """Where the lens looks: "input", and after each layer."""
    return ["input", *(str(i) for i in range(1, len(moments.stream.after) + 1))]


@torch.inference_mode()
def lens_of(model: LanguageModel, moments: Moments) -> tuple[Tensor, Tensor, Tensor]:
    """At each moment and place: the likeliest id, its probability, and that of the next character; each (T, R).

    The last place is the model's output.
    """
    guess, guess_p, next_p = [], [], []
    for x in (moments.stream.entering, *moments.stream.after):
        p = logits_of(model, x).softmax(-1)
        best = p.max(-1)
        guess.append(best.indices.cpu())
        guess_p.append(best.values.cpu())
        next_p.append(p.gather(-1, moments.next[:, None])[:, 0].cpu())
    return torch.stack(guess, -1), torch.stack(guess_p, -1), torch.stack(next_p, -1)


def lens(model: TextModel, text: str | Spelling, position: int = -1, *, context: int = 0) -> list[Guess]:
    """The model's best guess after each block, once it has read `text` up to the character at `position`.

    The last one is what the model says in the end. The arguments, warnings and errors are those of `votes`.
    """
    spelt = with_warnings(text, model.read_text(text))
    moments = moments_of(model, spelt.ids, context)
    at = check_position(position, len(moments.ids))
    chars = model.tokenizer.chars
    wanted = chars[int(moments.next[at])]
    rows = zip(*(x[at].tolist() for x in lens_of(model.model, moments)), strict=True)
    return [
        Guess(after, chars[guess], p, wanted, next_p)
        for after, (guess, p, next_p) in zip(lens_places(moments), rows, strict=True)
    ]
