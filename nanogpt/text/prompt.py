"""A prompt: checked, written in a model's vocabulary, with a notice of everything that was changed.

Knows the tokenizer; the page, the API, the command line and the library all read prompts through here.
"""

from dataclasses import dataclass

from nanogpt.checks import shorter_than
from nanogpt.text.spelling import Spelling, spell
from nanogpt.text.tokenizer import CharTokenizer, normalise

MAX_PROMPT = 2_000
SHORT_CONTEXT = 16  # a model that sees no more than this never sees a prompt whole: a notice would say nothing new


@dataclass(frozen=True)
class Prompt(Spelling):
    """The text that a model continues. Its `ids` are never empty: an empty text starts from a newline."""


def read_prompt(text: object, tokenizer: CharTokenizer, block_size: int) -> Prompt:
    """Read any text that can be continued. Raises ValueError for what is no string, not valid Unicode or too long."""
    read = spell(shorter_than("Prompt", normalise(text), MAX_PROMPT), tokenizer)
    notices = list(read.notices)
    if not read.ids:
        notices.append("The prompt is empty: starting from a newline.")
    elif len(read.ids) > block_size > SHORT_CONTEXT:
        notices.append(f"Only the last {block_size:,} of {len(read.ids):,} characters fit.")
    return Prompt(read.text, read.ids or [tokenizer.start_id], notices)
