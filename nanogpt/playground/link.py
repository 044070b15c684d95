"""The state of the page as a link: written by the browser (page.js), read here.

A malformed value becomes a message, and the default stays.
"""

from collections.abc import Callable, Mapping
from typing import Any


def read_link(
    query: Mapping[str, str], readers: Mapping[str, Callable[[str], Any]]
) -> tuple[dict[str, Any], list[str]]:
    """The checked values that a query sets, and a message for each that was refused.

    `readers` holds, for each name that a link may set, what turns its text into a checked value or raises ValueError.
    """
    values: dict[str, Any] = {}
    messages = []
    for name, read in readers.items():
        if name in query:
            try:
                values[name] = read(query[name])
            except ValueError as error:
                messages.append(f"In the link: {error} The default stands.")
    return values, messages
