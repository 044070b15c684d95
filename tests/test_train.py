"""The command line of train.py."""

import re
from pathlib import Path

import pytest

import train as train_py
from nanogpt.models import MODELS
from nanogpt.storage import checkpoint
from nanogpt.training.config import GROUPS, TrainConfig
from nanogpt.training.presets import PRESETS


def shown_help(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as exit:
        train_py.main([*words, "--help"])
    assert exit.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_help_shows_what_will_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Once, it told of 6 layers and 1,500 steps, and 2 layers were trained for 800."""
    for words, preset in (((), "quick"), (("--preset", "medium"), "medium"), (("--model", "gpt"), "quick")):
        shown = shown_help(capsys, *words)
        for name in ("n_layer", "n_embd", "max_iters", "batch_size"):
            assert re.search(rf"--{name} [A-Z]+ (?:(?! --).)*\(default {PRESETS[preset][name]:,}\)", shown), name
    assert "(default 300)" in shown_help(capsys, "--model", "bigram")  # steps
    assert "those of: --model bigram." in shown_help(capsys, "--model", "bigram")


def test_every_option_has_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    placed = [name for names in GROUPS.values() for name in names]
    assert len(placed) == len(set(placed))
    assert {"model", *placed} == set(TrainConfig.__dataclass_fields__)
    shown = shown_help(capsys)
    assert all(f"{title}:" in shown for title in GROUPS)


def test_help_lists_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        train_py.main(["--help"])
    assert exit.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"--{name}" in shown for name in TrainConfig.__dataclass_fields__)


def test_help_says_what_a_value_is(capsys: pytest.CaptureFixture[str]) -> None:
    """--min_lr is a share and not a rate; --init_from asked for a FROM."""
    with pytest.raises(SystemExit):
        train_py.main(["--help"])
    shown = capsys.readouterr().out
    flags = ("--min_lr SHARE", "--init_from CHECKPOINT", "--max_iters STEPS", "--data FILE")
    assert all(flag in shown for flag in flags)


def test_without_flags_a_bigram_and_a_gpt_are_trained() -> None:
    assert [c.model for c in train_py.parse([])] == ["bigram", "gpt"]
    assert [c.model for c in train_py.parse(["--model", "all"])] == list(MODELS)


def test_a_command_trains_a_model_that_loads(text_file: Path, tmp_path: Path) -> None:
    flags = ["--data", str(text_file), "--out_dir", str(tmp_path / "out"), "--max_iters", "3", "--eval_iters", "1"]
    assert train_py.main(["--model", "bigram", "--model", "trigram", "--num_threads", "1", *flags]) == 0
    for name in ("my-bigram", "my-trigram"):
        checkpoint.read_model(tmp_path / "out" / name)
        assert "python train.py --model bigram" in (tmp_path / "out" / name / "README.md").read_text()


def test_fine_tuning_needs_no_architecture(text_file: Path, tmp_path: Path) -> None:
    flags = ["--data", str(text_file), "--out_dir", str(tmp_path / "out"), "--eval_iters", "1", "--num_threads", "1"]
    shape = ["--n_embd", "24", "--n_head", "3", "--block_size", "32", "--max_iters", "2"]
    assert train_py.main(["--model", "self_attention", "--name", "origin", *flags, *shape]) == 0
    origin = str(tmp_path / "out" / "origin")
    (config,) = train_py.parse(["--init_from", origin, "--name", "tuned", *flags])
    assert (config.model, config.n_embd, config.n_head, config.block_size) == ("self_attention", 24, 3, 32)


def test_a_preset_keeps_the_last_weights_and_the_defaults_the_best() -> None:
    assert {c.keep for c in train_py.parse([])} == {"best"}
    assert [c.keep for c in train_py.parse(["--model", "gpt", "--preset", "quick"])] == ["last"]
    assert [c.keep for c in train_py.parse(["--model", "gpt", "--preset", "quick", "--keep", "best"])] == ["best"]


def test_the_defaults_suit_a_short_text_and_say_so(text_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--model", "gpt", "--data", str(text_file)]
    (config,) = train_py.parse(data)
    assert (config.max_iters, config.dropout, config.eval_interval) == (100, 0.2, 5)
    said = capsys.readouterr().err
    assert re.fullmatch(
        r"note: with 6,\d{3} characters to learn from, gpt is trained with max_iters 100, eval_interval 5, dropout 0.2",
        said.strip(),
    )
    (config,) = train_py.parse([*data, "--max_iters", "300", "--dropout", "0"])
    assert (config.max_iters, config.dropout) == (300, 0)  # what is given wins
    (config,) = train_py.parse([*data, "--preset", "quick"])
    assert config.max_iters == 800  # a published recipe
