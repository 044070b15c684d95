"""One moment looked into is what votes, lens, dependence and attention say of it."""

import json
from collections.abc import Callable

import pytest

from nanogpt.analysis.attention import attention
from nanogpt.analysis.dependence import dependence
from nanogpt.analysis.inspection import head_rows, inspection, inspection_lines, looks, read_heads
from nanogpt.analysis.lens import lens
from nanogpt.analysis.parts import without
from nanogpt.analysis.votes import votes
from nanogpt.generation.text_model import TextModel


@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("run", [{}, {"beginning": 2, "temperature": 1.5, "seed": 4}])
def test_an_inspection_is_what_its_parts_say(
    context: int, run: dict[str, float], text_model: Callable[..., TextModel]
) -> None:
    loaded = without(text_model("gpt"), "1.2")
    found = inspection(loaded, "jjabXcdefg", 4, context=context, **run)
    text = loaded.read_text("jjabXcdefg")
    assert json.loads(json.dumps(found)) == found
    assert (found["text"], found["position"], found["notices"]) == ("jabcdefg", 4, text.notices)
    why = votes(loaded, text, 4, context=context)
    assert (found["next"], found["rival"]) == ("e", why.rival)
    assert (found["difference"], found["votes"]) == (why.difference, why.parts)
    guesses = lens(loaded, text, 4, context=context)
    assert [(row["after"], row["char"], row["p"], row["next_p"]) for row in found["lens"]] == [
        (guess.after, guess.char, guess.p, guess.next_p) for guess in guesses
    ]
    effects = dependence(loaded, text, 4, context=context, **run)
    assert [tuple(row.values()) for row in found["dependence"]] == [
        (effect.part, effect.p_without, effect.choice_without) for effect in effects
    ]
    assert (found["next_p"], found["choice"]) == (effects[0].p, effects[0].choice)
    assert inspection(loaded, text, -4, context=context, **run) == found


def test_rows_and_looks_are_the_weights(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    weights = attention(loaded, "abcdef", 4)
    rows = head_rows(loaded, "abcdef", "2.1", 4)
    assert [len(row) for row in rows] == [1, 2, 3, 4, 5, 6]
    for t, row in enumerate(rows):
        assert row == pytest.approx(weights[1, 0, t, : t + 1].tolist(), rel=1e-5)
    found = looks(loaded, "abcdef", 3, "2.1 1.2", 4)
    assert found == {"1.2": weights[0, 1, 3, :4].tolist(), "2.1": weights[1, 0, 3, :4].tolist()}
    assert list(looks(loaded, "abc")) == ["1.1", "1.2", "2.1", "2.2"]


@pytest.mark.parametrize("head", ["", "1", "1.mlp", "mlps", "3.1", "1.1 mlps", "<b>"])
def test_what_is_no_head_is_refused(head: str, text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match=r"^Heads are 1\.1 to 2\.2, or attention for all; got "):
        read_heads(text_model("gpt"), head)


def test_one_head_at_a_time(text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match=r"One head at a time, like 1\.1; got attention"):
        head_rows(text_model("gpt"), "abc", "attention")
    with pytest.raises(ValueError, match="The Bigram has no layers: it reads only the last character"):
        head_rows(text_model("bigram"), "abc", "1.1")
    with pytest.raises(ValueError, match="The Bigram has no layers"):
        inspection(text_model("bigram"), "abc")


def test_the_lines_name_every_part(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    found = inspection(loaded, "abc\ndef")
    lines = list(inspection_lines(found, looks(loaded, "abc\ndef")))
    assert lines[0].startswith("After 'abc\\ndef' (position 6): next ")
    for source, vote in found["votes"].items():
        assert f"  {source:<6} {vote:+8.3f}" in lines
    for row in found["dependence"]:
        told = next(line for line in lines if line.startswith(f"  {row['part']:<6} {row['next_p']:8.3g}  "))
        assert told.endswith("changed") == (row["choice"] != found["choice"])
    one = looks(loaded, "abc\ndef", heads="2.1")
    (told,) = list(inspection_lines(found, one))[-1:]
    assert [float(line.split()[-1]) for line in told.splitlines()] == pytest.approx(one["2.1"], rel=1e-2)
