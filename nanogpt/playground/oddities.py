"""What may puzzle a reader of a run, explained in one sentence where it happens; nothing where nothing is odd.

Knows the settings of a run and its texts; computes no probability.
"""

import re

from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.components.glyphs import with_glyphs
from nanogpt.text.prompt import SHORT_CONTEXT

PIECE = 8  # characters; pieces of this length are looked for again in the text
REPETITIVE = 0.4  # share of pieces that stood before; at temperature 0.8 it is at most 0.01, at 0.1 from 0.3 to 0.99
ENOUGH = 60  # characters of a text that can be called repetitive
COLD = 0.3  # the highest temperature that may be called the cause
SPEAKER = re.compile(r"^[A-Z][A-Za-z' ]{1,30}:", re.ASCII)


def oddity(title: str, block_size: int, params: SamplingParams, prompt: str, text: str, beam: int = 0) -> str:
    """One sentence on the oddest thing about one side of a run, or "" if there is none.

    Args:
        title: the model's name on the page.
        block_size: how many characters it sees.
        prompt, text: the beginning as the model read it, and what it has written so far.
        beam: the width of a beam search, 0 where the text was drawn.
    """
    return (
        why_it_repeats(title, block_size, params, text, beam)
        or why_the_line_break_matters(title, prompt, text)
        or what_bits_ignore(params, beam)
    )


def why_it_repeats(title: str, block_size: int, params: SamplingParams, text: str, beam: int = 0) -> str:
    """Why a text falls back into the same phrases; "" unless it does so measurably, for a reason that is known."""
    if len(text) < ENOUGH or repetition(text) < REPETITIVE:
        return ""
    short = block_size <= SHORT_CONTEXT
    seen = "the last character" if block_size == 1 else f"the last {block_size} characters"
    if beam > 1:
        return f"Beam search looks for the likeliest text, and the {title} thinks that repeating itself is likely."
    if always := _always_likeliest(params, beam):
        cycle = cycle_of(text)
        loop = f"a loop of “{with_glyphs(cycle)}”" if 0 < len(cycle) <= 2 * PIECE else "a loop"
        if short:
            again = "it comes" if block_size == 1 else "they come"
            return (
                f"{always}, and the {title} sees only {seen}: when {again} again, so does all that followed, in {loop}."
            )
        return f"{always}, so no luck leads the {title} out of {loop}."
    if params.temperature > COLD:
        return ""
    cause = f"at temperature {params.temperature:g} the likeliest character is nearly always drawn"
    if short:
        return f"The {title} sees only {seen}, and {cause}, so it falls back into the same phrases."
    return f"A{cause[1:]}, so the {title} falls back into the same phrases."


def _always_likeliest(params: SamplingParams, beam: int) -> str:
    """A clause on the setting by which nothing is drawn at random; "" if there is none."""
    for setting, holds in (
        ("With beam width 1", beam == 1),
        ("At temperature 0", params.greedy),
        ("With top-k 1", params.top_k == 1),
    ):
        if holds:
            return f"{setting} the likeliest character is always taken"
    return ""


def why_the_line_break_matters(title: str, prompt: str, text: str) -> str:
    """What a missing line break, or one too many, after a speaker's name does; "" if the beginning has just one."""
    if not text:
        return ""
    speech = SPEAKER.match(prompt.rstrip(" \n").rpartition("\n")[2])
    if speech and speech.end() == len(speech.string):
        end = prompt[len(prompt.rstrip(" \n")) :]
        if "\n" not in end and text.startswith("\n"):
            return (
                f"The beginning has no line break after “{speech[0]}”, so the {title} wrote it first, "
                "and every later character has the luck of the next place."
            )
        if "\n" not in end:
            return f"The beginning has no line break after “{speech[0]}”, as the plays have it before every speech."
        if end.endswith("\n\n") and text.partition("\n")[0].endswith(":"):
            return f"The empty line after “{speech[0]}” ends the speech, so the {title} begins with the next speaker."
    name = re.search(r"(?:^|\n)([A-Z][A-Z ]+[A-Z])$", prompt, re.ASCII)
    if name:
        return f"“{name[1]}” alone does not begin a speech: the plays write a colon and a line break after the name."
    return ""


def what_bits_ignore(params: SamplingParams, beam: int = 0) -> str:
    """That bits are not those of the distribution that was drawn from; "" where the difference does not strike."""
    if beam or params.greedy:
        return "Bits are counted at temperature 1 and before any cut, so even the likeliest character costs some."
    if params.top_k or params.top_p < 1:
        return "Bits are counted at temperature 1 and before any cut, so top-k and top-p do not lower a character's."
    return ""


def repetition(text: str) -> float:
    """The share of the pieces of PIECE characters that stood in the text before, from 0 to 1."""
    pieces = [text[i : i + PIECE] for i in range(len(text) - PIECE + 1)]
    return 1 - len(set(pieces)) / len(pieces) if pieces else 0.0


def cycle_of(text: str) -> str:
    """The shortest string whose repetition the end of the text is, twice or for 2 PIECE characters; or ""."""
    for length in range(1, len(text) // 2 + 1):
        end = text[-max(2 * length, 2 * PIECE) :]
        if len(end) >= 2 * PIECE and end[length:] == end[:-length]:
            return end[-length:]
    return ""
