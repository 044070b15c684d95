"""A visitor's beginning: checked, put into a model's vocabulary, with a word on everything that was changed.

Knows the tokenizer; the page, the API and the command line all read prompts through here.
"""

from dataclasses import dataclass

from nanogpt.text.tokenizer import CharTokenizer, describe_unknown, normalise

MAX_PROMPT = 2_000
SHORT_SIGHT = 16  # a model that sees no more than this never sees a prompt whole, and needs no notice of it


@dataclass(frozen=True)
class Prompt:
    """`text` as the model can spell it, its `ids` (never empty), and `notices` for the visitor."""

    text: str
    ids: list[int]
    notices: list[str]


def read_prompt(text: object, tokenizer: CharTokenizer, block_size: int) -> Prompt:
    """Raises ValueError for what is no string, not valid Unicode or too long; anything else can be continued."""
    text = normalise(text)
    if len(text) > MAX_PROMPT:
        raise ValueError(f"Prompt is {len(text):,} characters; the limit is {MAX_PROMPT:,}.")
    known, unknown = tokenizer.split_unknown(text)
    notices = [describe_unknown(unknown)] if unknown else []
    if not known:
        notices.append("The prompt is empty: starting from a newline.")
    elif len(known) > block_size > SHORT_SIGHT:
        notices.append(f"Only the last {block_size:,} of {len(known):,} characters fit.")
    return Prompt(known, tokenizer.encode(known) or [tokenizer.start_id], notices)
