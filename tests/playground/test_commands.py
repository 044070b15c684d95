"""The commands that the page offers to copy do what the page did."""

import ast
import json
import shlex
from typing import Any

import pytest

from nanogpt import cli
from nanogpt.analysis.inspection import inspection, looks
from nanogpt.analysis.parts import without
from nanogpt.generation.continuation import generate
from nanogpt.generation.sampling import SamplingParams
from nanogpt.playground.commands import (
    as_api_call,
    as_command,
    figures_command,
    inspection_calls,
    inspection_command,
)
from nanogpt.storage.zoo import Zoo

PROMPT = 'It\'s "so" \\ $HOME `x`\nROMEO:\n'
PARAMS = SamplingParams(temperature=0.75, top_k=40, top_p=0.9, max_new_tokens=20, seed=11)


@pytest.mark.parametrize("beam", [0, 2])
def test_the_command_line_reads_the_command_and_writes_the_same_text(
    beam: int, zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(as_command("trigram", PROMPT, PARAMS, beam))
    assert words[:3] == ["python", "-m", "nanogpt"]
    model = zoo.get("trigram")
    read = model.read_prompt(PROMPT)
    assert cli.main([*words[3:], "--checkpoints", str(zoo.root)]) == 0
    assert capsys.readouterr().out == read.text + generate(model, read, beam=beam, **vars(PARAMS)) + "\n"


def test_what_is_off_and_the_context_stand_there_only_where_they_are_set(
    zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = as_command("gpt", "ROMEO:\n", PARAMS, 0)
    assert as_command("gpt", "ROMEO:\n", PARAMS, 0, "", 0) == plain
    assert "--off" not in plain
    assert "context" not in as_api_call("gpt", PROMPT, PARAMS, 0, "http://x")
    words = shlex.split(as_command("gpt", "ROMEO:\n", PARAMS, 0, "5.3 2.mlp", 16))
    assert cli.main([*words[3:], "--checkpoints", str(zoo.root)]) == 0
    edited = without(zoo.get("gpt"), "5.3 2.mlp")
    assert capsys.readouterr().out == "ROMEO:\n" + generate(edited, "ROMEO:\n", context=16, **vars(PARAMS)) + "\n"
    call = as_api_call("gpt", PROMPT, PARAMS, 0, "http://x", "5.3 2.mlp", 16)
    assert "    off='5.3 2.mlp',\n    context=16,\n" in call


def test_the_api_call_is_python_with_every_setting() -> None:
    tree = ast.parse(as_api_call("gpt", PROMPT, PARAMS, 3, "http://x"))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.keywords)
    given = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
    assert given == {"model": "gpt", "prompt": PROMPT, **vars(PARAMS), "beam": 3, "api_name": "/sample"}


@pytest.mark.parametrize(
    "values", [{"position": 3}, {"position": 20, "off": "2.1 5.mlp", "context": 9, "beginning": 6}]
)
def test_an_inspection_is_what_the_library_tells(
    values: dict[str, Any], zoo: Zoo, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(inspection_command("gpt", PROMPT, "5.3", values))
    assert words[:4] == ["python", "-m", "nanogpt", "inspect"]
    assert cli.main([*words[3:], "--checkpoints", str(zoo.root), "--json"]) == 0
    given = dict(values)
    edited, at = without(zoo.get("gpt"), given.pop("off", "")), given.pop("position")
    expected = inspection(edited, PROMPT, at, **given)
    seen = looks(edited, PROMPT, at, "5.3", given.get("context", 0))
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps({**expected, "attention": seen}))


def test_the_calls_of_an_inspection_are_of_one_client() -> None:
    values = {"position": 3, "off": "2.1", "context": 9, "beginning": 6, "seed": 5}
    tree = ast.parse(inspection_calls("gpt", PROMPT, "5.3", values, "http://x'"))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and n.keywords]
    given = [{k.arg: ast.literal_eval(k.value) for k in call.keywords} for call in calls]
    assert given == [
        {"model": "gpt", "text": PROMPT, **values, "api_name": "/inspect"},
        {"model": "gpt", "text": PROMPT, "head": "5.3", "off": "2.1", "context": 9, "api_name": "/attention"},
        {"model": "gpt", "api_name": "/figures"},
        {"model": "gpt", "off": "2.1", "context": 9, "api_name": "/figures"},
    ]
    plain = inspection_calls("gpt", "a", "5.3", {"position": 0}, "http://x")
    assert "off" not in plain
    assert "context" not in plain


def test_figures_are_of_the_changed_model_where_it_is_changed() -> None:
    assert figures_command("gpt") == "python -m nanogpt analyse gpt"
    changed = shlex.split(figures_command("my gpt", "5.3 2.mlp", 16))
    assert changed[3:] == ["analyse", "my gpt", "--off", "5.3 2.mlp", "--context", "16"]
