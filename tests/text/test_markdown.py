"""What a reader of Markdown makes of untrusted text: the text itself."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from nanogpt.text import markdown

READER = MarkdownIt("commonmark").enable("table")
HOSTILE = [
    "<img src=x onerror=ran()>", "a | b", "`", "``` x", "a `b` c", "*bold* _it_ ~~no~~", "[a](javascript:ran())",
    "![x](y)", "&lt;b&gt;", "# title", "\\", "\\|", "a\nb", "\n\n<script>ran()</script>", "my_own_text.txt", "`|`", "-",
    "1.", "=", "`\\|`",
]  # fmt: skip
ANY = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from("`|\\*_<>&#[]()!~"))


def shown(rendered: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", rendered))


def in_a_table(cell: str) -> str:
    rendered = READER.render(f"| | |\n|---|---|\n| what | {cell} |\n")
    assert rendered.count("<td") == 2, rendered
    return rendered.partition("<td>what</td>")[2]


def same(text: str, wanted: str) -> bool:
    return " ".join(text.split()) == " ".join(wanted.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    check(text)


@given(ANY)
def test_any_text_stays_text(text: str) -> None:
    check(text)


def check(text: str) -> None:
    tags = re.compile(r"<(/?)(\w+)")
    line = READER.render(f"Trained on {markdown.plain(text)} here.")
    assert {name for _, name in tags.findall(line)} == {"p"}
    assert same(shown(line), f"Trained on {text} here.")
    cell = in_a_table(markdown.plain(text))
    assert {name for _, name in tags.findall(cell)} <= {"td", "tr", "tbody", "table"}
    assert same(shown(cell), text)
    if text.strip():
        cell = in_a_table(markdown.code(text))
        assert {name for _, name in tags.findall(cell)} <= {"code", "td", "tr", "tbody", "table"}
        assert same(shown(cell), text)
    block = READER.render(f"Before\n\n{markdown.block(text)}\n\nAfter")
    assert {name for _, name in tags.findall(block)} == {"p", "pre", "code"}
    assert same(shown(block), f"Before {text} After")
