"""The cards of a whole run, as the browser unpacks them, are the explanations of its characters."""

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
from test_run import run_of
from written import written

from nanogpt.analysis.trace import trace
from nanogpt.playground.cards import cards_of
from nanogpt.playground.colours import colour_of
from nanogpt.playground.comparison import Side
from nanogpt.playground.explanation import expansion, explanation
from nanogpt.playground.run import Run
from nanogpt.storage.zoo import Zoo

WHOLE = {"length": 60, "count": 3, "model_3": "self_attention"}


def unpacked(side: dict[str, Any], part: str) -> dict[str, np.ndarray]:
    draws = side["draws"][part]
    n, k, m = draws["count"], draws["columns"], len(side["others"])
    whole = np.frombuffer(base64.b64decode(draws["whole"]), "<u2")
    real = np.frombuffer(base64.b64decode(draws["real"]), "<f4")
    ids, rank, cut = np.split(whole, [n * k, n * k + n])
    ends = np.cumsum([n * k, n * k, n, m * n * k])
    raw, tempered, gained, others, noise = np.split(real, ends)
    return {
        "ids": ids.reshape(n, k), "rank": rank, "cut": cut[:, None] >> np.arange(k) & 1 == 1, "gained": gained,
        "raw": raw.reshape(n, k), "tempered": tempered.reshape(n, k), "others": others.reshape(m, n, k),
        "noise": noise.reshape(-1, k) if k else noise,
    }  # fmt: skip


def cards(zoo: Zoo, run: Run) -> tuple[list[Side], dict[str, Any]]:
    sides = written(zoo, run)
    return sides, json.loads(json.dumps(cards_of(sides, zoo.names, run, 7), allow_nan=False))


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 1, "top_k": 0, "top_p": 1}, {"temperature": 0}, {"method": "beam", "width": 2}]
)
def test_each_character_has_the_numbers_of_its_explanation(settings: dict[str, Any], zoo: Zoo) -> None:
    run = run_of(**WHOLE, **settings)
    sides, value = cards(zoo, run)
    shown = [{"model": side.loaded.name, "prompt": side.prompt.text, "text": side.text} for side in sides]
    for number, side in enumerate(value["sides"], start=1):
        for part, step in (("prompt", 1), ("text", 7)):
            draws = unpacked(side, part)
            for t in range(0, len(side[part]), step):
                expected = explanation(zoo, f"side_{number}.{part}.{t}", run, shown)
                assert draws["rank"][t] == expected["rank"]
                by_char = {row["char"]: row for row in expected["rows"]}
                rows = [by_char[side["vocabulary"][i]] for i in draws["ids"][t]]
                assert rows[:-1] == expected["rows"][: len(rows) - 1]
                assert rows[-1]["char"] == side[part][t]
                assert np.exp(draws["raw"][t]) == pytest.approx([row["raw"] for row in rows], rel=1e-3, abs=1e-6)
                titles = [value["models"][i][0] for i in side["others"]]
                for title, theirs in zip(titles, draws["others"][:, t], strict=True):
                    column = expected["others"].index(title)
                    assert np.exp(theirs) == pytest.approx([row["others"][column] for row in rows], rel=1e-3, abs=1e-6)
                if run.beam:
                    continue  # neither temperature nor cut
                kept = np.where(draws["cut"][t], 0, np.exp(draws["tempered"][t] + draws["gained"][t]))
                assert kept == pytest.approx([row["kept"] for row in rows], rel=1e-3, abs=1e-6)
                tempered = [row["tempered"] for row in rows]
                assert np.exp(draws["tempered"][t]) == pytest.approx(tempered, rel=1e-3, abs=1e-6)


def test_the_noise_is_the_trace_s_and_the_largest_sum_was_written(zoo: Zoo) -> None:
    run = run_of(**WHOLE)
    sides, value = cards(zoo, run)
    for side, card in zip(sides, value["sides"], strict=True):
        draws = unpacked(card, "text")
        steps = trace(side.loaded, side.prompt, **vars(run.params))["steps"]
        for t, step in enumerate(steps):
            expected = [step["noise"][i] for i in draws["ids"][t]]
            assert draws["noise"][t] == pytest.approx(expected, abs=2e-6)
        sums = np.where(draws["cut"], -np.inf, draws["tempered"] + draws["noise"])
        assert (sums.max(-1) == sums[:, -1]).all()


def test_nothing_was_drawn_in_a_prompt_or_by_a_beam(zoo: Zoo) -> None:
    _, value = cards(zoo, run_of())
    assert value["method"] == "sample"
    assert all(unpacked(side, "prompt")["noise"].size == 0 for side in value["sides"])
    assert all(unpacked(side, "text")["noise"].size for side in value["sides"])
    _, value = cards(zoo, run_of(method="beam", width=2, length=9))
    assert value["method"] == "beam"
    assert all(unpacked(side, "text")["noise"].size == 0 for side in value["sides"])
    assert cards(zoo, run_of(temperature=0))[1]["method"] == "greedy"


def test_each_model_is_named_once_with_its_colour(zoo: Zoo) -> None:
    _, value = cards(zoo, run_of(count=3, model_3="bigram"))
    assert value["models"] == [[zoo.get(n).title, colour_of(zoo.names, n)] for n in ("bigram", "gpt")]
    assert [side["own"] for side in value["sides"]] == [0, 1, 0]
    assert [side["others"] for side in value["sides"]] == [[1], [0], [1]]
    assert value["run"] == 7


def test_a_judge_of_another_vocabulary_gives_what_it_knows(zoo: Zoo, tiny_zoo: Zoo) -> None:
    mixed = Zoo(tiny_zoo.root / "bigram", zoo.root)  # of two with one name, the first
    mixed.refresh()
    _, value = cards(mixed, run_of(count=2))
    small, large = value["sides"]
    draws = unpacked(large, "text")
    unknown = np.array([[large["vocabulary"][i] not in small["vocabulary"] for i in row] for row in draws["ids"]])
    assert unknown.any()
    assert (np.isneginf(draws["others"][0]) == unknown).all()


@pytest.mark.parametrize("prompt", ["", "\n", "x" * 700])
def test_every_beginning_has_cards(prompt: str, zoo: Zoo) -> None:
    _, value = cards(zoo, run_of(prompt=prompt, length=3, count=2))
    assert [side["draws"]["prompt"]["count"] for side in value["sides"]] == [len(prompt)] * 2


def test_they_are_few_bytes(zoo: Zoo) -> None:
    """They travel with every run; a reader waits for them."""
    run = run_of(length=300, count=2, top_k=0, top_p=1)
    sides = written(zoo, run)
    assert len(json.dumps(cards_of(sides, zoo.names, run))) <= 150_000


def test_an_expansion_adds_the_noise_of_every_row(zoo: Zoo) -> None:
    run = run_of(count=2)
    sides, _ = cards(zoo, run)
    shown = [{"model": side.loaded.name, "prompt": side.prompt.text, "text": side.text} for side in sides]
    steps = trace(sides[1].loaded, sides[1].prompt, **vars(run.params))["steps"]
    value = expansion(zoo, "side_2.text.20", run, shown)
    chars = sides[1].loaded.tokenizer.chars
    assert value["noise"] == pytest.approx(
        [steps[20]["noise"][chars.index(row["char"])] for row in value["rows"]], abs=1e-6
    )
    assert {**value, "noise": None} == {**explanation(zoo, "side_2.text.20", run, shown), "noise": None}
    sums = [math.log(row["kept"]) + g for row, g in zip(value["rows"], value["noise"], strict=True) if row["kept"]]
    assert value["rows"][sums.index(max(sums))]["chosen"]
    assert expansion(zoo, "side_2.prompt.2", run, shown)["noise"] is None
    assert expansion(zoo, "side_2.text.99", run, shown)["noise"] is None
