"""Untrusted text on a model card: whatever stands in it, a reader of Markdown shows it and obeys none of it.

Knows text only. The rules are CommonMark's (https://spec.commonmark.org/0.31.2/) and those of GitHub's tables.
"""

import re


def plain(text: str) -> str:
    """Text inside a line: punctuation that has a meaning in Markdown or HTML is escaped."""
    return re.sub(r"([\\`*_\[\]<>|#&~!$])", r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """A code span, also in the cell of a table."""
    text = " ".join(text.split()).replace("|", "\\|")
    marks = _longer_than_in(text, 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{marks}{padding}{text}{padding}{marks}"


def block(text: str) -> str:
    """A block of preformatted lines."""
    marks = _longer_than_in(text, 3)
    return f"{marks}text\n{text}\n{marks}"


def _longer_than_in(text: str, least: int) -> str:
    """More backticks in a row than the text has anywhere."""
    return "`" * max([least, *(len(found) + 1 for found in re.findall("`+", text))])
