"""The selected character: its name on the page, and the card that explains it.

A character is named by its panel, part and position, as "side_1.text.60", in the page's state and in links.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nanogpt import checks
from nanogpt.analysis.alternatives import alternatives, probability_of, rank_of
from nanogpt.generation.sampling import MAX_NEW_TOKENS, SamplingParams, gumbel_noise
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.components.card import card_message, card_value
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo


def check_selection(name: str) -> str:
    """Return the name of a character, or "" for none. Raises ValueError for anything else."""
    if name:
        read_selection(name)
    return name


def read_selection(name: str) -> tuple[int, str, int]:
    """ "side_1.text.60" → (1, "text", 60). Raises ValueError for anything else."""
    found = re.fullmatch(r"side_([1-4])\.(prompt|text)\.(\d{1,5})", name, re.ASCII)
    if not found:
        raise ValueError(f"Selected character must be like side_1.text.60; got {checks.shown(name)}.")
    return int(found[1]), found[2], int(found[3])


def explanation(zoo: Zoo, selection: object, run: Run, shown: Sequence[Any]) -> dict[str, Any]:
    """What the card draws for the selected character of a panel, under that side's model and all others.

    `shown` holds, for the selected side, {"model", "prompt", "text"} with the text cut after that character.
    """
    if not selection:
        return card_message("Choose a character of either text to see what else could have stood there.")
    side, part, at = read_selection(str(selection))
    panel = shown[side - 1]
    if not isinstance(panel, dict) or not all(isinstance(panel.get(key), str) for key in ("prompt", "text")):
        return card_message("That character is no longer there.")
    if at >= len(panel[part]):
        return card_message("That character is no longer there.")
    loaded = zoo.get(panel.get("model"))
    if part == "prompt":  # read as a text after its first character, as the cards of a whole run are
        prompt, text = panel["prompt"][: min(at, 1)], panel["prompt"][1:at]
    else:
        prompt, text = panel["prompt"], panel["text"][:at]
    others = [zoo.get(name) for name in dict.fromkeys(run.names) if name != loaded.name]
    value = card_of(loaded, others, prompt, text, panel[part][at], run.params)
    owner = f"of the {loaded.title}'s text" if part == "text" else "of the beginning"
    return {**value, "title": f"Character {at + 1} {owner}", "beginning": prompt + text}


def expansion(zoo: Zoo, selection: object, run: Run, shown: Sequence[Any]) -> dict[str, Any]:
    """The `explanation` of a character with the noise of each row; None where nothing was drawn."""
    value = explanation(zoo, selection, run, shown)
    if value["message"]:
        return {**value, "noise": None}
    side, part, at = read_selection(str(selection))
    if part == "prompt" or run.beam or at >= MAX_NEW_TOKENS:
        return {**value, "noise": None}
    tokenizer = zoo.get(shown[side - 1]["model"]).tokenizer
    noise = gumbel_noise(run.params.seed, at + 1, tokenizer.vocab_size)[at].tolist()
    return {**value, "noise": [noise[tokenizer.ids[row["char"]]] for row in value["rows"]]}


def card_of(
    loaded: TextModel, others: Sequence[TextModel], prompt: str, text: str, char: str, params: SamplingParams
) -> dict[str, Any]:
    """The card of `char` after `prompt` + `text`, without a title."""
    # A model of another vocabulary reads what it knows of the text.
    other_p = [probability_of(other, other.read_prompt(prompt), other.read_text(text).text) for other in others]
    rows = alternatives(loaded, loaded.read_prompt(prompt), text, **asdict(params))
    rank = rank_of(rows, char)
    chosen = rows[rank - 1]
    return card_value(
        title="",
        glyph_char=char,
        after=(prompt + text)[-12:],
        bits=-math.log2(chosen.raw) if chosen.raw > 0 else math.inf,
        rank=rank,
        own=loaded.title,
        others=[other.title for other in others],
        rows=[
            {**asdict(row), "others": [p.get(row.char, 0.0) for p in other_p], "chosen": row is chosen} for row in rows
        ],
    )
