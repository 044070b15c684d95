"""Every number of Look inside is given by the command and by the API calls that it offers."""

import ast
import base64
import json
import shlex
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import run_with
from written import ENGINE, asked

from nanogpt.cli import main
from nanogpt.generation.continuation import generate
from nanogpt.models.base import LanguageModel
from nanogpt.playground.inside import dependence_on_parts, heads_of, read_subject, why_of
from nanogpt.playground.reproduction import commands_and_calls
from nanogpt.playground.rewriting import cost_of, curve_of, fitted, rewritten_panel
from nanogpt.storage.checkpoint import save
from nanogpt.storage.zoo import Zoo
from nanogpt.text.corpus import load_corpus


def calls_in(code: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls of `predict` in offered Python code: the endpoint's name, and its arguments."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "predict":
            values = {key.arg: ast.literal_eval(key.value) for key in node.keywords if key.arg}
            found.append((values.pop("api_name").strip("/"), values))
    return found


@pytest.mark.parametrize(
    ("off", "context", "prompt"),
    [
        ([], 256, "ROMEO:\n"),
        (["5.3", "1.mlp"], 256, "It's \\ $HOME\n"),
        ([], 16, ""),
        (["2.1"], 256, None),
    ],
)
def test_commands_and_calls_give_the_numbers_that_are_shown(
    off: list[str], context: int, prompt: str | None, zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    """More than 50 numbers each: votes, lens, dependence, weights; and the text that was written again."""
    gpt, run, at = zoo.get("gpt"), run_with(length=60, seed=5, prompt=prompt or ""), 34
    begun = None if prompt is None else gpt.read_prompt(prompt)
    text = "O, she doth teach the torches to burn"
    if begun is not None:
        text = begun.text + generate(gpt, begun, **vars(run.params))
    subject = read_subject(zoo, text, "gpt", off, context, begun and begun.text)
    commands, code = commands_and_calls(subject, run, at, 3, 2, "http://127.0.0.1:7860")
    inspect, sample, analyse = map(shlex.split, split_lines(commands))

    assert main([*inspect[3:], "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    called = calls_in(code)
    answers = {name: asked(zoo)[name](**values) for name, values in called[:3]}
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
    shown = np.zeros((T, T))
    shown[np.tril_indices(T)] = floats(heads_of(subject, 3, 2)["exact"]["weights"])
    for row in (printed["attention"]["3.2"], weights):
        assert np.allclose(row, shown[at, : at + 1], rtol=1e-4, atol=1e-7)
    compared = [*votes, *next_p, *without, *choice, *weights]
    assert len(weights) == at + 1
    assert len(compared) > 50

    assert main([*sample[3:], "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["text"]
    changed = bool(off) or context < 256
    assert not changed or again == rewritten_panel(ENGINE, subject, run, zoo.names, "")["text"]
    assert analyse[:5] == ["python", "-m", "nanogpt", "analyse", "gpt"]
    assert (("--off" in analyse), ("--context" in analyse)) == (bool(off), context < 256)
    assert answers["figures"]["bits"] > 0
    edits = {name: value for name, value in (("off", " ".join(subject.off)), ("context", context % 256)) if value}
    assert called[3:] == ([("figures", {"model": "gpt", **edits})] if changed else [])


def floats(packed: str) -> np.ndarray:
    """Numbers as heads.py sends them: byte by byte, the lowest first."""
    data = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8)
    return np.ascontiguousarray(data.reshape(4, -1).T).view("<f4").reshape(-1)


def split_lines(commands: str) -> list[str]:
    """The commands of a text with line breaks: a new one begins with python -m."""
    found: list[str] = []
    for line in commands.splitlines(keepends=True):
        if line.startswith("python -m nanogpt "):
            found.append("")
        found[-1] += line
    return found


def test_figures_are_given_by_the_command_and_by_the_call(
    tmp_path: Path,
    text_file: Path,
    tiny: Callable[..., LanguageModel],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Shares, costs and the curve of a model that was just measured, with what the tab offers to copy."""
    monkeypatch.setenv("NANOGPT_DATA", str(text_file))
    tokenizer = load_corpus().tokenizer
    save(tmp_path / "gpt", tiny("gpt", vocab_size=tokenizer.vocab_size), tokenizer)
    zoo = Zoo(tmp_path)
    zoo.refresh()

    def command(off: list[str], context: int) -> dict[str, Any]:
        subject = read_subject(zoo, "to be", "gpt", off, context, None)
        commands, _ = commands_and_calls(subject, run_with(), None, None, None, "")
        words = shlex.split(split_lines(commands)[-1])
        assert main([*words[3:], "--json", "--checkpoints", str(tmp_path)]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    printed = command([], 8)
    subject = read_subject(zoo, "to be", "gpt", [], 8, None)
    _, code = commands_and_calls(subject, run_with(), None, None, None, "")
    assert [name for name, _ in calls_in(code)] == ["inspect", "attention", "figures"]
    called = asked(zoo)["figures"](**calls_in(code)[2][1])
    assert called == printed
    shares = [pair for row in json.loads(heads_of(subject, 1, 1)["about"])["shares"] for pairs in row for pair in pairs]
    measured = [[head["share"][name], head["chance"][name]] for head in called["heads"] for name in head["share"]]
    assert shares == measured
    assert fitted(zoo.get("gpt"))["switches"]["costs"] == called["without"]
    curve = curve_of(zoo, subject)["points"]
    assert {str(n): bits for n, bits in curve} == called["context"]
    assert 2 * len(shares) + len(called["without"]) + len(curve) > 50
    for off, context in ((["1.1"], 8), (["1.2", "2.mlp"], 8), ([], 3), (["2.1"], 5)):
        cost = cost_of(read_subject(zoo, "to be", "gpt", off, context, None))
        assert cost is not None
        changed = {name: value for name, value in (("off", " ".join(off)), ("context", context % 8)) if value}
        for told in (command(off, context), asked(zoo)["figures"]("gpt", **changed)):
            assert cost.after == pytest.approx(told["bits"], abs=2e-5)
            assert cost.after - cost.before == pytest.approx(told["more_bits"], abs=2e-5)


def test_the_price_of_a_part_is_in_the_figures(zoo: Zoo) -> None:
    figures = asked(zoo)["figures"](model="gpt")
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
