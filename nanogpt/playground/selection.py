"""The selected character: its name on the page, and the card that explains it.

A character is named by its panel, part and place, as "side_1.text.60", in the page's state and in links.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nanogpt import checks
from nanogpt.analysis.alternatives import alternatives, probability_of, rank_of
from nanogpt.playground.components.card import card_message, card_value
from nanogpt.playground.controls import Run
from nanogpt.storage.zoo import Zoo

# A request may hold 64 kB, so of what the panels show only what stands before the selected character is sent.
UP_TO_SELECTED = """(selection, ...values) => {
  const [side, , index] = (selection || "").split(".");
  const cut = (panel, i) => {
    if (side !== "side_" + (i + 1) || !panel || !panel.model) return null;
    const text = Array.from(panel.text).slice(0, Number(index) + 1).join("");
    return {model: panel.model, prompt: panel.prompt, text};
  };
  return [selection, ...values.slice(0, -4), ...values.slice(-4).map(cut)];
}"""


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
    prompt, text = (panel["prompt"][:at], "") if part == "prompt" else (panel["prompt"], panel["text"][:at])
    char = panel[part][at]
    others = [zoo.get(name) for name in dict.fromkeys(run.names) if name != loaded.name]
    # Another model may not know all of the characters; it reads the text without them.
    other_p = [probability_of(o, o.read_prompt(prompt), o.read_text(text).text) for o in others]
    rows = alternatives(loaded, loaded.read_prompt(prompt), text, **asdict(run.params))
    rank = rank_of(rows, char)
    chosen = rows[rank - 1]
    value = card_value(
        title=f"Character {at + 1} of the {loaded.title}'s text"
        if part == "text"
        else f"Character {at + 1} of the beginning",
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
    return {**value, "beginning": prompt + text}
