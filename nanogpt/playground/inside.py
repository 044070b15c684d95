"""Look inside: a text read by a model of which some parts may be off, and what the tab shows of it.

Knows models, analyses and component values; knows no component and no event.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanogpt.analysis.attention import attention_patterns, patterns_and_norms
from nanogpt.analysis.dependence import choices, dependence_of, luck_of
from nanogpt.analysis.figures import Figures, stored_figures
from nanogpt.analysis.moments import moments_of, no_layers
from nanogpt.analysis.parts import layers_of, read_parts, without
from nanogpt.analysis.patterns import HEAD_PATTERNS, Head
from nanogpt.analysis.reasons import reasons_of
from nanogpt.checks import shorter_than, whole
from nanogpt.generation.reader import MAX_CONTEXT
from nanogpt.generation.sampling import MAX_NEW_TOKENS
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.admission import while_awaited
from nanogpt.playground.components.heads import exact_head, heads_message, heads_value
from nanogpt.playground.components.why import dependence_value, why_message, why_value
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo
from nanogpt.text.prompt import MAX_PROMPT
from nanogpt.text.tokenizer import normalise

MOST_CELLS = 36 * 256 * 256  # of all maps together: as many are drawn within half a second
NOT_MEASURED = "Nothing was measured for this model on unseen text: python -m nanogpt analyse measures it."
MAX_READ = MAX_PROMPT + MAX_NEW_TOKENS  # a prompt and all that was written after it
# What a model without layers does, by its kind.
INSTEAD = {
    "bigram": "It looks up the last character in a table, with a score for every character that may follow.",
    "trigram": "It looks up the last two characters in a table, with a score for every character that may follow.",
    "mlp": "It turns each of its characters into a short list of numbers and passes all of them through one network. "
    "Each place has weights of its own, so the model cannot choose where to look by what is written there.",
}


@dataclass(frozen=True)
class Subject:
    """What the tab is about: a text as a model reads it, and what is changed in that model."""

    loaded: TextModel  # as it is
    edited: TextModel  # without the parts that are off
    off: list[str]
    context: int  # how many characters it may look back; 0 is all it can
    ids: list[int]  # at most `most_read`
    given: int  # characters of the text, as far as the model knows them
    unknown: int  # characters that it does not know
    beginning: str  # what is continued
    written: int  # how many of `ids` were written after the beginning, with the luck of the run; 0 for any other text

    @property
    def text(self) -> str:
        return self.loaded.tokenizer.decode(self.ids)

    @property
    def can_be_read(self) -> bool:
        """Is there a text, and a model with layers to read it?"""
        return bool(self.ids) and bool(layers_of(self.loaded.model))

    def drawn_by(self, run: Run) -> bool:
        """Was the end of the text drawn by this run, with its luck?"""
        return self.written > 0 and not run.beam


def read_within_limit(text: Any) -> str:
    """Return the text as it was given. Raises ValueError for what is no text, or too long."""
    shorter_than("Text to read", normalise(text), MAX_READ)
    return str(text)


def read_subject(zoo: Zoo, text: object, name: object, off: Sequence[str], context: object, begun: object) -> Subject:
    """Check what the tab is asked for.

    `begun` is the beginning if the text was just written on the Compare tab, else None. Of such a text the first
    characters are read, at most `most_read`: each of them was predicted from this very window, which begins with a
    newline where the beginning is empty. Of any other text the last ones are read, as `attention` does. Raises
    ValueError.
    """
    loaded = zoo.get(name)
    known, unknown = loaded.tokenizer.split_unknown(read_within_limit(text))
    ids = loaded.tokenizer.encode(known)
    most = most_read(loaded)
    start: list[int] = []
    if begun is not None:
        prompt = loaded.read_prompt(begun)
        start, ids = prompt.ids, ids if prompt.text else prompt.ids + ids
    written = begun is not None and len(start) < most and ids[: len(start)] == start
    read = ids[:most] if written else ids[-most:]
    length = whole("Context", context, 0, MAX_CONTEXT)
    return Subject(
        loaded,
        without(loaded, off),
        read_parts(loaded, off),
        0 if length >= loaded.block_size else length,
        read,
        len(ids),
        len(unknown),
        str(begun) if written else known[-MAX_PROMPT:],
        len(read) - len(start) if written else 0,
    )


def most_read(loaded: TextModel) -> int:
    """How many characters of a text are read: all that the model sees, or as many as can be drawn."""
    heads = sum(layer.attention.n_head for layer in layers_of(loaded.model))
    return min(loaded.block_size, math.isqrt(MOST_CELLS // heads)) if heads else loaded.block_size


# --- the heads ---------------------------------------------------------------------------------------------


def heads_of(subject: Subject, layer: int, head: int) -> dict[str, Any]:
    """What the heads draw; `layer` and `head` count from 1, and 0 is the head with the clearest pattern.

    Raises ValueError for a layer or head that the model does not have.
    """
    loaded = subject.loaded
    if not subject.can_be_read:
        return heads_message(instead(subject))
    figures = stored_figures(loaded)
    patterns, norms = patterns_and_norms(subject.edited.model, subject.ids, subject.context)
    described = {described.part: described for described in figures.heads} if figures else {}
    named = [[described.get(f"{i + 1}.{j + 1}") for j in range(patterns.size(1))] for i in range(patterns.size(0))]
    return heads_value(
        list(subject.text),
        patterns.numpy(),
        norms.numpy(),
        selected=chosen_head(loaded, layer, head, figures),
        words=[[caption(one) for one in row] for row in named],
        details=[[sentence(one) for one in row] for row in named],
        patterns_named=[(CAPTIONS[name], words) for name, words in HEAD_PATTERNS.items()],
        shares=[[shares_of(one) for one in row] for row in named] if figures else [],
        off=subject.off,
        title=f"All {patterns.size(0) * patterns.size(1)} heads of the {loaded.title}",
        subtitle=what_is_read(subject),
    )


def instead(subject: Subject) -> str:
    """What is said where there are no heads to draw."""
    if not layers_of(subject.loaded.model):
        return f"{no_layers(subject.loaded)} {INSTEAD.get(subject.loaded.kind, '')}"
    return "Write some text above, or press Generate on the Compare tab."


def what_is_read(subject: Subject) -> str:
    read, given = len(subject.ids), subject.given
    which = "first" if subject.written else "last"
    seen = f"the {which} {read:,} of {given:,}" if given > read else f"{read:,}"
    left_out = f" · {subject.unknown} unknown left out" if subject.unknown else ""
    back = f" · looks back at most {subject.context}" if subject.context else ""
    return f"{seen} character{'s' if given > 1 else ''}{back}{left_out}"


def chosen_head(loaded: TextModel, layer: object, head: object, figures: Figures | None) -> tuple[int, int]:
    """The head that is shown large. Raises ValueError for one that the model does not have."""
    layers = layers_of(loaded.model)
    row = whole("Layer", layer, 0, len(layers))
    column = whole("Head", head, 0, layers[0].attention.n_head)
    if row and column:
        return row, column
    named = [described for described in figures.heads if described.name in HEAD_PATTERNS] if figures else []
    if not named:
        return 1, 1
    clearest = max(named, key=lambda one: one.share[one.name] - one.chance[one.name]).part
    i, _, j = clearest.partition(".")
    return int(i), int(j)


def caption(head: Head | None) -> str:
    """A head in a few words, from what was measured on unseen text."""
    if head is None:
        return ""
    if head.name in HEAD_PATTERNS:
        return f"{CAPTIONS[head.name]} {percent(head.share[head.name])}"
    return "spread evenly" if head.name else "no clear pattern"


CAPTIONS = {
    "previous": "previous",
    "itself": "itself",
    "same": "same char.",
    "induction": "after a copy",
    "line": "line start",
    "word": "word start",
    "first": "first",
}


def sentence(head: Head | None) -> str:
    """What a head does, in a sentence."""
    if head is None:
        return NOT_MEASURED
    if head.name in HEAD_PATTERNS:
        words, share, chance = (HEAD_PATTERNS[head.name], head.share[head.name], head.chance[head.name])
        return f"{words}: {percent(share)} ({percent(chance)} by chance)"
    return "it spreads its weight almost evenly" if head.name else "no clear pattern"


def shares_of(head: Head | None) -> list[tuple[float, float]]:
    """For each pattern the share of the head's weight, and the share by chance."""
    return [(head.share[name], head.chance[name]) for name in HEAD_PATTERNS] if head else []


def percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"


def exact_of(subject: Subject, layer: object, head: object) -> dict[str, Any]:
    """One head's weights as exact numbers, which the large map shows. Raises ValueError as `heads_of` does."""
    i, j = chosen_head(subject.loaded, layer, head, None)
    pattern = attention_patterns(subject.edited.model, subject.ids, subject.context)[i - 1, j - 1]
    return exact_head(i, j, pattern.numpy())


# --- one character -----------------------------------------------------------------------------------------


def why_of(subject: Subject) -> dict[str, Any]:
    """What is drawn of every place of the text: votes and lens."""
    if not subject.can_be_read:
        return why_message("There are no heads and no layers to vote." if subject.ids else instead(subject))
    found = reasons_of(subject.edited, subject.ids, subject.context)
    return why_value(list(subject.text), subject.loaded.tokenizer.chars, **vars(found))


def dependence_on_parts(subject: Subject, run: Run) -> dict[str, Any] | None:
    """What would be written after every place without each part; with the luck of the run where it wrote the text."""
    if not subject.can_be_read:
        return None
    luck: dict[str, Any] = {"params": None, "noise": None}
    if subject.drawn_by(run):
        read, vocabulary = len(subject.ids), subject.loaded.tokenizer.vocab_size
        luck = {"params": run.params, "noise": luck_of(run.params, read - subject.written, read, vocabulary)}
    found = dependence_of(subject.edited, subject.ids, subject.context, **luck, watched=while_awaited)
    own = choices(moments_of(subject.edited, subject.ids, subject.context).logits, **luck)
    return dependence_value(found.parts, found.next_p.numpy(), found.choice.numpy(), own.numpy())
