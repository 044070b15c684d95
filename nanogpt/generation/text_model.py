"""A model together with its tokenizer: what is needed to read and write text.

Knows text and models; reads no file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nanogpt.models import MODELS, kind_of
from nanogpt.models.base import LanguageModel
from nanogpt.text.prompt import Prompt, read_prompt
from nanogpt.text.spelling import Spelling, spell
from nanogpt.text.tokenizer import CharTokenizer


@dataclass(frozen=True)
class TextModel:
    """A model ready to use. Whoever holds one keeps its weights, whatever happens to the files.

    It unpacks into its two parts: `model, tokenizer = nanogpt.load(folder)`.
    """

    name: str
    folder: Path
    model: LanguageModel  # its large layers may be packed: then it can be read, but not trained
    tokenizer: CharTokenizer
    parameters: int
    draft: LanguageModel | None = None  # a small model of the same vocabulary that makes this one write faster

    def __iter__(self) -> Iterator[LanguageModel | CharTokenizer]:
        return iter((self.model, self.tokenizer))

    @property
    def kind(self) -> str:
        return kind_of(self.model.config)

    @property
    def block_size(self) -> int:
        return self.model.block_size

    @property
    def title(self) -> str:
        """What the page calls it: the model's name, and the folder's where that says more."""
        title = MODELS[self.kind].title
        return title if self.name == self.kind else f"{title} ({self.name})"

    def read_prompt(self, prompt: object) -> Prompt:
        """The prompt as this model reads it, with notices for the person who gave it.

        A prompt that was already read passes through. Raises ValueError for one that cannot be continued, or that
        was read for another vocabulary.
        """
        if not isinstance(prompt, Prompt):
            return read_prompt(prompt, self.tokenizer, self.block_size)
        self._check(prompt)
        return prompt

    def read_text(self, text: object) -> Spelling:
        """A text that is not continued, as this model spells it. Raises ValueError as `read_prompt` does."""
        if not isinstance(text, Spelling):
            return spell(text, self.tokenizer)
        self._check(text)
        return text

    def _check(self, read: Spelling) -> None:
        if read.text and self.tokenizer.encode(read.text) != read.ids:
            raise ValueError(f"The text was read for another vocabulary than that of {self.name}.")
