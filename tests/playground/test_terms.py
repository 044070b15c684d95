"""The words of the page: all explained, shortly, and nothing in them that a page would run."""

import re
from pathlib import Path

import pytest

from nanogpt.playground import terms as module
from nanogpt.playground.fields import FIELDS
from nanogpt.playground.terms import read_terms, terms_head

TERMS = read_terms()
FOLDER = Path(module.__file__).parent
LONGEST = 220  # characters: what is read at a glance


def used_terms(source: str) -> set[str]:
    """The words that a template, a script or Python marks as explained."""
    return set(re.findall(r"""(?:data-term=|dataset\.term = |\bterm=)\\?["']([^"'{$]+?)\\?["']""", source))


@pytest.mark.parametrize("path", sorted(p for kind in ("html", "js", "py") for p in FOLDER.rglob(f"*.{kind}")), ids=str)
def test_every_word_that_is_marked_is_explained(path: Path) -> None:
    assert used_terms(path.read_text(encoding="utf-8")) <= set(TERMS)


def test_every_word_of_a_control_is_explained() -> None:
    used = {f.make.keywords["term"] for f in FIELDS if "term" in f.make.keywords}
    assert len(used) > 5
    assert used <= set(TERMS)


def test_marked_words_are_found_however_they_are_written() -> None:
    source = 'dial(term="top-k") <b data-term="bits"> <i data-term=\\"seed\\"> x.dataset.term = "head"; data-term={x}'
    assert used_terms(source) == {"bits", "head", "top-k", "seed"}


@pytest.mark.parametrize("word", TERMS)
def test_an_explanation_is_one_or_two_short_sentences(word: str) -> None:
    text = TERMS[word]
    assert len(text) <= LONGEST
    assert text[0].isupper() or text[0] == "−"
    assert text.endswith(".")
    assert 1 <= len(re.findall(r"[.;](?= |$)", text)) <= 3


def test_words_stand_in_alphabetical_order() -> None:
    assert list(TERMS) == sorted(TERMS, key=str.casefold)


def test_the_head_is_one_style_and_one_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of the table cannot end the script."""
    assert len(re.findall("<", terms_head().partition("<script>")[0])) == 2
    monkeypatch.setattr(module, "read_terms", lambda: {"x": "</script><b>"})
    head = terms_head()
    assert head.count("</script>") == head.count("<script>") == 1
    assert '{"x": "\\u003c/script>\\u003cb>"}' in head
