"""The card of a selected character, in numbers."""

import math
from pathlib import Path
from typing import Any

import pytest
from test_run import run_of

from nanogpt.analysis.alternatives import alternatives
from nanogpt.playground.explanation import check_selection, explanation, read_selection
from nanogpt.storage.zoo import Zoo


def shown(text: str, model: str = "gpt", prompt: str = "ROMEO:\n") -> list[Any]:
    return [None, {"model": model, "prompt": prompt, "text": text}, None, None]


def test_a_character_has_a_name() -> None:
    assert read_selection("side_1.text.60") == (1, "text", 60)
    assert check_selection("") == ""
    assert check_selection("side_4.prompt.0") == "side_4.prompt.0"


@pytest.mark.parametrize("name", ["side_5.text.1", "side_1.text.-1", "side_1.x.1", "side_1.text.٣", "x" * 99, "\n"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"^Selected character must be like side_1\.text\.60; got "):
        check_selection(name)


@pytest.mark.parametrize(("name", "before"), [("side_2.text.2", "ROMEO:\nth"), ("side_2.prompt.3", "ROM")])
def test_the_card_s_numbers_are_those_of_alternatives(name: str, before: str, zoo: Zoo) -> None:
    run = run_of(count=3)
    value = explanation(zoo, name, run, shown("the"))
    prompt, text = ("ROMEO:\n", "th") if "text" in name else (before[:1], before[1:])
    rows = alternatives(zoo.get("gpt"), prompt, text, **vars(run.params))
    assert [row["raw"] for row in value["rows"]] == [row.raw for row in rows]
    assert value["beginning"] == before
    (chosen,) = [row for row in value["rows"] if row["chosen"]]
    assert chosen["char"] == value["glyph_char"] == ("e" if "text" in name else "E")
    assert value["bits"] == pytest.approx(-math.log2(chosen["raw"]))
    assert value["others"] == ["Bigram", "MLP"]
    for i, judge in enumerate(("bigram", "mlp")):
        their = {row.char: row.raw for row in alternatives(zoo.get(judge), prompt, text)}
        assert [row["others"][i] for row in value["rows"]] == [their[row["char"]] for row in value["rows"]]


def test_a_judge_of_another_vocabulary_gives_what_it_knows(zoo: Zoo, tiny_zoo: Zoo, tmp_path: Path) -> None:
    zoo_of_two = Zoo(tmp_path)
    for root, name in ((tiny_zoo.root, "bigram"), (zoo.root, "gpt")):
        (tmp_path / name).symlink_to(root / name)
    zoo_of_two.refresh()
    value = explanation(zoo_of_two, "side_2.text.2", run_of(count=2), shown("the"))
    assert sum(row["others"][0] for row in value["rows"]) <= 1
    assert any(row["others"][0] == 0 for row in value["rows"])


@pytest.mark.parametrize(
    ("name", "panels"),
    [
        ("side_2.text.9", shown("the")), ("side_1.text.0", shown("the")), ("side_2.text.0", [None, "x", None, None]),
        ("side_2.text.0", [None, {"model": "gpt", "prompt": 3, "text": "a"}, None, None]),
    ],
)  # fmt: skip
def test_a_character_that_is_not_there_gets_a_sentence(name: str, panels: list[Any], zoo: Zoo) -> None:
    assert explanation(zoo, name, run_of(), panels)["message"] == "That character is no longer there."


def test_without_a_selection_the_card_says_what_to_do(zoo: Zoo) -> None:
    assert "Choose a character" in explanation(zoo, "", run_of(), [])["message"]


def test_a_character_outside_the_vocabulary_is_refused_in_words(zoo: Zoo) -> None:
    """Once it raised StopIteration."""
    with pytest.raises(ValueError, match="vocabulary"):
        explanation(zoo, "side_2.text.0", run_of(), shown("🙂"))
