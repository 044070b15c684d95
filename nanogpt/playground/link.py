"""The whole state of the page as a link: written by the browser, read by the server.

The query's names are the list below. A malformed value becomes a message and the default.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from nanogpt import checks
from nanogpt.generation.continuation import MAX_BEAM
from nanogpt.generation.sampling import MAX_NEW_TOKENS, MAX_SEED
from nanogpt.playground.duel import METHODS
from nanogpt.playground.selection import read_selection
from nanogpt.storage.zoo import Zoo
from nanogpt.text.prompt import MAX_PROMPT
from nanogpt.text.tokenizer import normalise

TABS = ("compare", "attention", "score")


def _integer(text: str) -> object:
    """A whole number if it is written as one; anything else is left for the checker to refuse."""
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 20 else text


def _decimal(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _prompt(text: str) -> str:
    if len(normalise(text)) > MAX_PROMPT:
        raise ValueError(f"Prompt is {len(text):,} characters; the limit is {MAX_PROMPT:,}.")
    return text


def _selection(text: str) -> str:
    if text:
        read_selection(text)
    return text


def _whole(field: str, low: int, high: int) -> Callable[[str], int]:
    return lambda text: checks.whole(field, _integer(text), low, high)


# Query name → how its value is read, in the order in which the page hands its values to `link_writer`.
FIELDS: dict[str, Callable[[str], Any]] = {
    "prompt": _prompt,
    "temperature": lambda text: checks.number("Temperature", _decimal(text), 0, 2),
    "top_k": _whole("Top-k", 0, 1_000_000),
    "top_p": lambda text: checks.number("Top-p", _decimal(text), 0, 1, above=True),
    "characters": _whole("Number of characters", 1, MAX_NEW_TOKENS),
    "seed": _whole("Seed", 0, MAX_SEED),
    "method": lambda text: checks.one_of("Method", text, METHODS),
    "width": _whole("Beam width", 1, MAX_BEAM),
    "sides": _whole("Sides", 2, 4),
    "colour": _whole("Colour", 0, 4),
    "model_1": str,
    "model_2": str,
    "model_3": str,
    "model_4": str,
    "selected": _selection,
    "attention_model": str,
    "layer": _whole("Layer", 1, 48),
    "head": _whole("Head", 1, 64),
}


def read_link(query: Mapping[str, str], zoo: Zoo) -> tuple[dict[str, Any], list[str]]:
    """The values that a query sets, checked, and a message for each that was refused."""
    values: dict[str, Any] = {}
    messages = []
    readers = {**FIELDS, "tab": lambda text: checks.one_of("Tab", text, TABS)}
    for name, read in readers.items():
        if name in query:
            try:
                values[name] = zoo.get(query[name]).name if "model" in name else read(query[name])
            except ValueError as error:
                messages.append(f"In the link: {error} The default stands.")
    return values, messages


def link_writer() -> str:
    """The JavaScript that puts the page's values, and the open tab, into the address and the clipboard."""
    return (
        "(...values) => { const names = " + json.dumps(list(FIELDS)) + "; const query = new URLSearchParams();"
        " names.forEach((name, i) => { if ((values[i] ?? null) !== null) query.set(name, values[i]); });"
        " const tab = document.querySelector('[role=tab][aria-selected=true]');"
        " query.set('tab', tab.textContent.trim().toLowerCase());"
        " history.replaceState(null, '', '?' + query);"
        " if (navigator.clipboard) navigator.clipboard.writeText(location.href); }"
    )
