"""What each head looks at, measured on unseen text: the share of its weight on targets that a reader can check.

A name is never assigned by hand and follows from the shares alone. Equal weights are not the only comparison that
matters: a sharp head with random weights picks the rare characters, capitals among them, more often than equal weights
do, and so has up to 36 % of its weight on starts of words where equal weights have 18 %. `CLEAR` lies above that.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nanogpt.analysis.attention import captured_attention
from nanogpt.analysis.parts import part_names, twin
from nanogpt.analysis.unseen import first_counted, rounded
from nanogpt.generation.text_model import TextModel
from nanogpt.text.tokenizer import CharTokenizer

HEAD_PATTERNS = {
    "previous": "the previous character",
    "itself": "itself",
    "same": "earlier copies of the same character",
    "induction": "what followed an earlier copy",
    "line": "starts of lines",
    "word": "starts of words",
    "first": "the first column",
}
EVEN = "even"
CLEAR = 0.25  # of the weight that chance leaves elsewhere
NEARLY_EQUAL = 0.1  # mean total variation distance from equal weights
WINDOWS_AT_ONCE = 8  # windows; more of them only take memory


@dataclass(frozen=True)
class Head:
    """One head: the mean share of its weight on the targets of each pattern, and the share that equal weights have.

    Both means are over the counted positions that have such a target; both are 0 where the text has none.
    """

    part: str  # "2.3" is head 3 of layer 2
    share: dict[str, float]
    chance: dict[str, float]
    distance: float  # mean total variation distance from equal weights: 0 for equal weights, below 1

    @property
    def name(self) -> str:
        """A key of HEAD_PATTERNS, "even" for nearly equal weights, or "" where no pattern is clear.

        A pattern is clear if (share − chance) / (1 − chance) is at least 0.25. Of several, the one whose share is the
        most surprising by chance is named, by the relative entropy of share to chance: starts of lines are starts of
        words too, and a head that looks only at them is named after lines. "even" needs a distance of at most 0.1.
        """
        if self.distance <= NEARLY_EQUAL:
            return EVEN
        clear = [p for p in HEAD_PATTERNS if self.share[p] - self.chance[p] >= CLEAR * (1 - self.chance[p])]
        return max(clear, key=lambda p: _relative_entropy(self.share[p], self.chance[p]), default="")

    @property
    def words(self) -> str:
        """What the head looks at, with the figures: "the previous character 35 % (by chance 0.5 %)"."""
        if self.name in HEAD_PATTERNS:
            share, chance = self.share[self.name], self.chance[self.name]
            return f"{HEAD_PATTERNS[self.name]} {share:.0%} (by chance {100 * chance:.2g} %)".replace("%", " %", 1)
        return "all characters nearly alike" if self.name else "no clear pattern"


def _relative_entropy(share: float, chance: float) -> float:
    """In nats, between two outcomes of which one has the probability `share`, and `chance` before."""
    pairs = [(share, chance), (1 - share, 1 - chance)]
    return sum(p * math.log(p / q) if q > 0 else math.inf for p, q in pairs if p > 0)


def pattern_targets(ids: Tensor, tokenizer: CharTokenizer, pattern: str) -> Tensor:
    """Which columns a pattern means: [window, row, column] of ids (B, T), as (B, T, T) booleans.

    A row's targets are earlier columns; `itself` alone is on the diagonal, and so is `induction` at a doubled letter.
    `same` are the columns j that hold the row's character, `induction` the columns j + 1 after them. `line` are the
    first characters of lines, a newline itself apart, and `word` letters after what is none. Of the first column
    nobody knows what stands before it, so it starts neither a line nor a word.
    """
    place = torch.arange(ids.size(1))
    earlier = place[:, None] > place
    same = (ids[:, :, None] == ids[:, None, :]) & earlier
    if pattern == "same":
        return same
    if pattern == "induction":  # the last column of `same` is empty, so nothing comes round
        return same.roll(1, -1)
    if pattern in ("line", "word"):
        newline = torch.tensor([char == "\n" for char in tokenizer.chars])[ids]
        letter = torch.tensor([char.isalpha() for char in tokenizer.chars])[ids]
        before, here = (newline, ~newline) if pattern == "line" else (~letter, letter)
        starts = F.pad(before[:, :-1] & here[:, 1:], (1, 0))
        return starts[:, None, :] & earlier
    column = {"previous": place - 1, "itself": place, "first": torch.where(place > 0, 0, -1)}[pattern]
    return (column[:, None] == place).expand(*ids.shape, ids.size(1))


@torch.inference_mode()
def measure_heads(model: TextModel, rows: Tensor) -> list[Head]:
    """The heads of a model on windows of ids (n, window + 1), layer by layer; none for a model without attention."""
    parts = [name for name in part_names(model.model) if not name.endswith("mlp")]
    if not parts:
        return []
    looked_at, T = twin(model.model), rows.size(1) - 1
    start = first_counted(T)
    even = (torch.ones(T, T).tril() / torch.arange(1, T + 1)[:, None])[start:]
    total = torch.zeros(len(parts) + 1, len(HEAD_PATTERNS), dtype=torch.float64)
    found = torch.zeros(len(HEAD_PATTERNS), dtype=torch.float64)  # positions that have a target
    distance = torch.zeros(len(parts) + 1, dtype=torch.float64)
    for ids in rows[:, :-1].split(WINDOWS_AT_ONCE):
        with captured_attention(looked_at) as layers:
            looked_at(ids.to(looked_at.device))
        seen = [weights[:, :, start:].cpu() for weights, _ in layers]
        weights = torch.cat([*seen, even.expand(len(ids), 1, -1, -1)], dim=1)  # equal weights are the last head
        targets = torch.stack([pattern_targets(ids, model.tokenizer, p)[:, start:] for p in HEAD_PATTERNS])
        total += torch.einsum("bhrt,pbrt->hp", weights, targets.float()).double()
        found += targets.any(-1).sum((1, 2))
        distance += (weights - even).abs().sum((0, 2, 3), dtype=torch.float64) / 2
    shares = (total / found.clamp(min=1)).clamp(max=1).tolist()
    distances = (distance / (len(rows) * len(even))).tolist()
    *of_heads, chance = [dict(zip(HEAD_PATTERNS, map(rounded, row), strict=True)) for row in shares]
    measured = zip(parts, of_heads, distances, strict=False)  # the last distance is that of equal weights
    return [Head(part, share, chance, rounded(far)) for part, share, far in measured]
