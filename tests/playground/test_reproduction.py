"""Every number of Look inside is given by the command and by the API calls that it offers."""

import ast
import base64
import json
import shlex
from typing import Any

import numpy as np
import pytest
from runs import run_with

from nanogpt.cli import main
from nanogpt.generation.continuation import generate
from nanogpt.playground.endpoints import endpoints
from nanogpt.playground.inside import dependence_on_parts, read_subject, why_of
from nanogpt.playground.reproduction import commands_and_calls
from nanogpt.playground.rewriting import cost_of, rewritten_panel
from nanogpt.storage.zoo import Zoo


def calls_in(code: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls of `predict` in offered Python code: the endpoint's name, and its arguments."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "predict":
            values = {key.arg: ast.literal_eval(key.value) for key in node.keywords if key.arg}
            found.append((values.pop("api_name").strip("/"), values))
    return found


@pytest.mark.parametrize(
    ("off", "context", "drawn"), [([], 256, True), (["5.3", "1.mlp"], 256, True), ([], 16, True), (["2.1"], 256, False)]
)
def test_commands_and_calls_give_the_numbers_that_are_shown(
    off: list[str], context: int, drawn: bool, zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    """More than 50 numbers each: votes, lens, dependence, weights; and the text that was written again."""
    gpt, run, at = zoo.get("gpt"), run_with(length=60, seed=5), 40
    text = (
        run.prompt + generate(gpt, run.prompt, **vars(run.params)) if drawn else "O, she doth teach the torches to burn"
    )
    at = min(at, len(text) - 1)
    subject = read_subject(zoo, text, "gpt", off, context, run.prompt if drawn else None)
    commands, code = commands_and_calls(subject, run, at, 3, 2, "http://127.0.0.1:7860")
    inspect, sample, analyse = map(shlex.split, split_lines(commands))

    assert main([*inspect[3:], "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    called = dict(calls_in(code))
    answers = {name: endpoints(zoo)[name](**values) for name, values in called.items()}
    told, weights = answers["inspect"], json.loads(answers["attention"])["weights"][at]

    why, T = why_of(subject), len(subject.ids)
    numbers = np.frombuffer(base64.b64decode(why["real"]), "<f4")
    P, R = len(why["sources"]), len(why["after"])
    votes = numbers[T : T + T * P].reshape(T, P)[at]
    next_p = numbers[T + T * P + T * R :].reshape(T, R)[at]
    for source in (printed, told):
        assert list(source["votes"]) == why["sources"]
        assert np.allclose(list(source["votes"].values()), votes, atol=1e-4)
        assert np.allclose([row["next_p"] for row in source["lens"]], next_p, atol=1e-5)
    dependence = dependence_on_parts(subject, run)
    assert dependence is not None
    without = np.frombuffer(base64.b64decode(dependence["real"]), "<f4").reshape(-1, T)[:, at]
    choice = np.frombuffer(base64.b64decode(dependence["whole"]), "<u2").reshape(-1, T)[:-1, at]
    for source in (printed, told):
        assert np.allclose([row["next_p"] for row in source["dependence"]], without, atol=1e-5)
        assert [row["choice"] for row in source["dependence"]] == [gpt.tokenizer.chars[i] for i in choice]
    assert np.allclose(printed["attention"]["3.2"], weights, rtol=1e-3, atol=1e-7)
    assert len(weights) == at + 1

    assert main([*sample[3:], "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["text"]
    changed = bool(off) or context < 256
    assert not changed or again == rewritten_panel(subject, run, zoo.names, "")["text"]
    assert analyse[:5] == ["python", "-m", "nanogpt", "analyse", "gpt"]
    assert (("--off" in analyse), ("--context" in analyse)) == (bool(off), context < 256)
    assert answers["figures"]["bits"] > 0


def split_lines(commands: str) -> list[str]:
    """The commands of a text with line breaks: a new one begins with python -m."""
    found: list[str] = []
    for line in commands.splitlines(keepends=True):
        if line.startswith("python -m nanogpt "):
            found.append("")
        found[-1] += line
    return found


def test_the_price_of_a_part_is_in_the_figures(zoo: Zoo) -> None:
    figures = endpoints(zoo)["figures"](model="gpt")
    for part, more in figures["without"].items():
        cost = cost_of(read_subject(zoo, "a", "gpt", [part], 256, None))
        assert cost is not None
        assert cost.after - cost.before == pytest.approx(more, abs=1e-9)
    for length, bits in figures["context"].items():
        cost = cost_of(read_subject(zoo, "a", "gpt", [], int(length), None))
        assert cost is not None
        assert cost.after == bits


def test_there_is_nothing_to_copy_without_layers_or_text(zoo: Zoo) -> None:
    run = run_with()
    for name, text in (("bigram", "a"), ("gpt", "")):
        assert commands_and_calls(read_subject(zoo, text, name, [], 256, None), run, None, None, None, "") == ("", "")
    commands, _ = commands_and_calls(read_subject(zoo, "abc", "gpt", [], 256, None), run, 99, None, None, "")
    assert "--position 2" in commands
    assert "--head 5.3" in commands
