"""The command line of train.py."""

from pathlib import Path

import pytest

import train as train_py
from nanogpt.models import MODELS
from nanogpt.storage import checkpoint
from nanogpt.training.config import TrainConfig


def test_an_unknown_flag_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        train_py.main(["--n_lauer", "3"])
    assert exit.value.code == 2
    assert "--n_lauer" in capsys.readouterr().err


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


def test_flags_are_spelt_either_way() -> None:
    for flags in (["--max_iters", "7", "--no-qk_norm"], ["--max-iters", "7", "--no-qk-norm"]):
        (config,) = train_py.parse(["--model", "gpt", *flags])
        assert config.max_iters == 7
        assert config.qk_norm is False


def test_without_flags_a_bigram_and_a_gpt_are_trained() -> None:
    assert [c.model for c in train_py.parse([])] == ["bigram", "gpt"]
    assert [c.model for c in train_py.parse(["--model", "all"])] == list(MODELS)


def test_a_command_trains_a_model_that_loads(text_file: Path, tmp_path: Path) -> None:
    flags = ["--data", str(text_file), "--out-dir", str(tmp_path / "out"), "--max_iters", "3", "--eval_iters", "1"]
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
