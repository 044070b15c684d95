"""The command line, in this process: what it prints, where, and with which exit status."""

import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nanogpt import cli
from nanogpt.analysis.figures import ANALYSIS, analyse, combination, described, stored_figures
from nanogpt.analysis.inspection import inspection, inspection_lines, looks
from nanogpt.analysis.parts import without
from nanogpt.analysis.score import score
from nanogpt.cli import answer_errors, main
from nanogpt.generation.continuation import generate
from nanogpt.models import build_model, make_config
from nanogpt.models.base import LanguageModel
from nanogpt.storage import zoo
from nanogpt.storage.checkpoint import METRICS, save
from nanogpt.storage.zoo import Zoo
from nanogpt.text.corpus import load_corpus
from nanogpt.text.tokenizer import CharTokenizer

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def the_number_of_threads_stays() -> Any:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def root(tmp_path: Path, tiny: Callable[..., LanguageModel]) -> Path:
    chars = CharTokenizer("\nabcdefghij")
    for kind in ("bigram", "mlp", "gpt"):
        save(tmp_path / "zoo" / kind, tiny(kind), chars)
    return tmp_path / "zoo"


def test_sample_prints_what_generate_writes(root: Path, capsys: Output) -> None:
    zoo = Zoo(root)
    zoo.refresh()
    for model in zoo.names:
        for options in ({}, {"temperature": 1.2, "top_k": 4, "top_p": 0.9, "seed": 7}, {"beam": 2}):
            settings = {**options, "max_new_tokens": 30}
            flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
            assert main(["sample", "--checkpoints", str(root), "--model", model, "--prompt", "abc", *flags]) == 0
            out, err = capsys.readouterr()
            assert (out, err) == ("abc" + generate(zoo.get(model), "abc", **settings) + "\n", "")


def test_sample_as_json_is_one_object(root: Path, capsys: Output) -> None:
    arguments = ["sample", "--checkpoints", str(root), "--prompt=aXb", "--max_new_tokens", "5"]
    assert main(arguments) == 0
    plain = capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result == {"model": "gpt", "prompt": "ab", "text": plain.out[2:-1]}
    assert err == plain.err == "note: 1 character outside the model's vocabulary left out: U+0058.\n"


def test_parts_that_are_off_and_a_context(root: Path, tmp_path: Path, capsys: Output) -> None:
    zoo = Zoo(root)
    zoo.refresh()
    edited = without(zoo.get("gpt"), "1.2 2.mlp")
    edits = ["--checkpoints", str(root), "--off", "1.2 2.mlp", "--context", "3"]
    assert main(["sample", *edits, "--prompt", "abc", "--max_new_tokens", "20"]) == 0
    assert capsys.readouterr().out == "abc" + generate(edited, "abc", context=3, max_new_tokens=20) + "\n"
    (tmp_path / "text.txt").write_text("abc\ndef", encoding="utf-8")
    assert main(["score", *edits, str(tmp_path / "text.txt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bits"] == pytest.approx(score(edited, "abc\ndef", 3).total)


NUMBER = r"[-+]?\d+\.\d+(e-?\d+)?"


def numbers_in(told: object) -> list[float]:
    """The numbers with a decimal point in JSON values, in their order."""
    return [float(found[0]) for found in re.finditer(NUMBER, json.dumps(told))]


def test_inspect_tells_what_the_library_tells(root: Path, capsys: Output) -> None:
    zoo = Zoo(root)
    zoo.refresh()
    edited = without(zoo.get("gpt"), "1.2")
    command = ["inspect", "--checkpoints", str(root), "--text", "abXcdef", "--position", "2", "--off", "1.2"]
    command += ["--context", "3", "--beginning", "2", "--temperature", "1.5", "--seed", "4"]
    text = edited.read_text("abXcdef")
    expected = inspection(edited, text, 2, context=3, beginning=2, temperature=1.5, seed=4)
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    wanted = {**expected, "attention": looks(edited, text, 2, context=3)}
    # Weights that lie elsewhere in memory round their last digits otherwise, so numbers are compared by themselves.
    assert re.sub(NUMBER, "#", json.dumps(found)) == re.sub(NUMBER, "#", json.dumps(wanted))
    assert numbers_in(found) == pytest.approx(numbers_in(wanted), abs=1e-5)
    assert err == "note: 1 character outside the model's vocabulary left out: U+0058.\n"
    assert main([*command, "--head", "2.1"]) == 0
    lines = "\n".join(inspection_lines(expected, looks(edited, text, 2, "2.1", 3))) + "\n"
    assert re.sub(NUMBER, "#", capsys.readouterr().out) == re.sub(NUMBER, "#", lines)


def test_a_model_has_a_name_or_a_path(root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command takes both, and the same model writes the same text, with its draft."""
    monkeypatch.chdir(root)
    texts = []
    for model in (["--checkpoints", ".", "--model", "gpt"], ["--model", "./gpt"], ["--model", str(root / "gpt")]):
        assert main(["sample", *model, "--prompt", "abc", "--max_new_tokens", "20"]) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 1
    for arguments in (["inspect", "--text", "abc"], ["score", "-"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("abc"))
        assert main([*arguments, "--model", "./gpt", "--json"]) == 0
        capsys.readouterr()
    for model, words in (
        ("nobody", "Unknown model nobody; the models are bigram, mlp, gpt."),
        ("./nobody", "./nobody is neither a folder nor the name of a repository, USER/REPO."),
    ):
        assert answer_errors(main, ["sample", "--checkpoints", str(root), "--model", model]) == 1
        assert capsys.readouterr().err == f"error: {words}\n"


def test_of_other_folders_nothing_is_loaded_or_said(
    root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, every checkpoint was loaded first: 30 of them took 5 s and a gigabyte."""
    for name in ("broken", "other"):
        shutil.copytree(root / "gpt", root / name)
        os.utime(root / name, (0, 0))  # one that is just made may not be complete yet
    (root / "broken" / "model.safetensors").write_bytes(b"no")
    read: list[str] = []
    real = zoo.read_model
    monkeypatch.setattr(zoo, "read_model", lambda folder, *rest: (read.append(folder.name), real(folder, *rest))[1])
    arguments = ["sample", "--checkpoints", str(root), "--prompt", "a", "--max_new_tokens", "1", "--model"]
    assert answer_errors(main, [*arguments, "gpt"]) == 0
    assert capsys.readouterr().err == ""
    assert sorted(read) == ["gpt", "mlp"]  # and its draft
    assert answer_errors(main, [*arguments, "broken"]) == 1
    assert capsys.readouterr().err.startswith("error: broken/model.safetensors: ")


def test_score_prints_the_bits_of_the_text(
    root: Path, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("abc\ndefX", encoding="utf-8")
    zoo = Zoo(root)
    zoo.refresh()
    expected = score(zoo.get("gpt"), "abc\ndef")
    command = ["score", "--checkpoints", str(root)]
    assert main([*command, str(text), "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert err == "note: 1 character outside the model's vocabulary left out: U+0058.\n"
    assert (result["model"], result["characters"]) == ("gpt", 7)
    assert result["bits"] == pytest.approx(expected.total)
    assert result["bits_per_char"] == pytest.approx(expected.total / 7)
    assert result["nats_per_char"] == pytest.approx(expected.total / 7 * math.log(2))
    monkeypatch.setattr("sys.stdin", io.StringIO("abc\ndefX"))
    assert main([*command, "-"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines == {k: f"{v:,.4f}" if isinstance(v, float) else str(v) for k, v in result.items()}


@pytest.mark.no_cover  # long, and its lines are covered by others
def test_the_protocol_tells_of_the_model_and_its_training(
    tmp_path: Path, text_file: Path, tiny: Callable[..., LanguageModel], capsys: Output
) -> None:
    tokenizer = load_corpus(text_file).tokenizer
    folder = tmp_path / "zoo" / "gpt"
    save(folder, tiny("gpt", vocab_size=tokenizer.vocab_size), tokenizer)
    command = ["score", "--checkpoints", str(folder.parent), "--protocol", "--data", str(text_file), "--json"]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["full_val_256"] is None  # this model reads 8 characters
    assert result["full_val_8"] == pytest.approx(result["nanogpt_estimate"], abs=0.2)
    assert "steps" not in result
    row = {"step": 9, "tokens": 72, "seconds": 1.5, "machine": "a machine"}
    (folder / METRICS).write_text(json.dumps(row) + "\n")
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    training = {"steps": 9, "trained_characters": 72, "training_seconds": 1.5, "trained_on": "a machine"}
    assert told == {**result, **training}


def test_the_protocol_needs_the_same_vocabulary(root: Path, text_file: Path) -> None:
    with pytest.raises(ValueError, match=r"gpt was trained on another vocabulary than that of text\.txt \(sha256 "):
        main(["score", "--checkpoints", str(root), "--protocol", "--data", str(text_file)])


@pytest.fixture
def spoken(tmp_path: Path, text_file: Path, tiny: Callable[..., LanguageModel]) -> list[str]:
    """The options for two models of the text's vocabulary, and for the text."""
    tokenizer = load_corpus(text_file).tokenizer
    for kind in ("bigram", "gpt"):
        save(tmp_path / "zoo" / kind, tiny(kind, vocab_size=tokenizer.vocab_size), tokenizer)
    return ["--checkpoints", str(tmp_path / "zoo"), "--data", str(text_file)]


def test_analyse_stores_what_it_prints(spoken: list[str], text_file: Path, capsys: Output) -> None:
    zoo, corpus = Zoo(spoken[1]), load_corpus(text_file)
    zoo.refresh()
    gpt, bigram = zoo.get("gpt"), zoo.get("bigram")
    assert main(["analyse", "gpt", "bigram", "gpt", *spoken]) == 0
    out, err = capsys.readouterr()
    expected = [(m, analyse(m, corpus)) for m in (gpt, bigram)]
    assert out == "".join(f"{described(f)}\n\nwritten to {m.folder / ANALYSIS}\n\n" for m, f in expected)
    assert err == ""
    assert [stored_figures(m) for m, _ in expected] == [f for _, f in expected]
    assert main(["analyse", "gpt", "bigram", *spoken, "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [json.loads(json.dumps(f.to_json())) for _, f in expected]


def test_analyse_of_a_combination_writes_nothing(spoken: list[str], text_file: Path, capsys: Output) -> None:
    zoo, corpus = Zoo(spoken[1]), load_corpus(text_file)
    zoo.refresh()
    gpt = zoo.get("gpt")
    for options in (["--off", "1.2 2.mlp"], ["--context", "3"], ["--off", "1,2.1", "--context", "3"], ["--off", ""]):
        values = dict(zip(options[::2], options[1::2], strict=True))
        expected = combination(gpt, corpus, values.get("--off", ""), int(values.get("--context", 0)))
        assert main(["analyse", "gpt", *spoken, *options, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == expected
        assert main(["analyse", "gpt", *spoken, *options]) == 0
        assert f"more_bits   {expected['more_bits']:.4f}\n" in capsys.readouterr().out
        assert not (gpt.folder / ANALYSIS).exists()


def test_analyse_checks_everything_before_it_begins(spoken: list[str], capsys: Output) -> None:
    """A wrong name or vocabulary at the end of the list costs no minutes, and nothing is written."""
    root = Path(spoken[1])
    save(root / "other", build_model(make_config("bigram", {"vocab_size": 3})), CharTokenizer("\nab"))
    for arguments, message in (
        (["gpt", "none"], "error: Unknown model none; the models are bigram, gpt, other."),
        (["gpt", "other"], "error: other was trained on another vocabulary than that of text.txt (sha256 "),
        (["bigram", "--off", "1.1"], "error: The Bigram has no heads and no MLPs that could be switched off."),
        (["gpt", "--off", "3.1"], "error: Parts to switch off are 1.1 to 2.mlp, a layer's number, attention or mlps;"),
        (["gpt", "--context", "-1"], "error: Context must be a whole number from 0 to 1,000,000; got -1."),
    ):
        assert answer_errors(main, ["analyse", *arguments, *spoken]) == 1
        assert capsys.readouterr().err.splitlines()[-1].startswith(message)
        assert not list(root.glob(f"*/{ANALYSIS}"))


def test_bench_measures_what_was_asked_for(root: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(cli, "bench_generation", lambda model, draft: asked.append((model, draft)) or {"speed": 2.0})
    monkeypatch.setattr(cli, "bench_training", lambda device: asked.append(device) or {"tokens": 3})
    assert main(["bench", "--checkpoints", str(root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"model": "gpt", "speed": 2.0}
    assert main(["bench", "train"]) == 0
    assert capsys.readouterr().out == "tokens  3\n"
    (model, draft), device = asked
    assert (type(model).__name__, type(draft).__name__) == ("GPT", "WindowMLP")
    assert isinstance(device, torch.device)


def test_a_closed_pipe_is_no_traceback(root: Path) -> None:
    """`… | head -c 5` ended in "error: : Broken pipe"."""
    endless = [sys.executable, "-m", "nanogpt", "sample", "--checkpoints", str(root), "--max_new_tokens", "2000"]
    with subprocess.Popen([*endless, "--prompt", "a"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(5)
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 1)


def test_ctrl_c_is_one_word(capsys: Output) -> None:
    def interrupted(argv: list[str]) -> int:
        raise KeyboardInterrupt

    assert answer_errors(interrupted, []) == 130
    assert capsys.readouterr().err == "stopped\n"
