"""A model together with its tokenizer: what is needed to read and write text.

Knows text and models; knows no file.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from nanogpt.models import MODELS, kind_of
from nanogpt.text.tokenizer import CharTokenizer


@dataclass(frozen=True)
class TextModel:
    """A model ready to use. Whoever holds one keeps its weights, whatever happens to the files."""

    name: str
    folder: Path
    model: nn.Module  # packed: to be read, not trained
    tokenizer: CharTokenizer
    parameters: int
    draft: nn.Module | None = None  # a small model of the same vocabulary that makes this one write faster

    @property
    def kind(self) -> str:
        return kind_of(self.model.config)

    @property
    def block_size(self) -> int:
        return self.model.config.block_size  # type: ignore[union-attr, return-value]

    @property
    def title(self) -> str:
        """What the page calls it: the model's name, and the folder's where that says more."""
        title = MODELS[self.kind].title
        return title if self.name == self.kind else f"{title} ({self.name})"
