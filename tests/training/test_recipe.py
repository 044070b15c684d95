"""What decides a run: printed, kept, found again, and compared when the run goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from short_runs import result, stop

from nanogpt.analysis import score
from nanogpt.storage import checkpoint
from nanogpt.storage.portable import portable_files
from nanogpt.text.corpus import DataError
from nanogpt.training.config import TrainConfig
from nanogpt.training.errors import TrainError
from nanogpt.training.recipe import recipe, text_of_checkpoint
from nanogpt.training.trainer import train

Config = Callable[..., TrainConfig]


def test_the_recipe_is_printed_kept_and_on_the_card(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    train(config(name="run"))
    kept = json.loads((config(name="run").folder / "training.json").read_text())
    assert kept["options"] == json.loads(json.dumps(recipe(config(name="run"))))
    assert kept["text"]["file"] == "text.txt"
    words = "n_layer 1, n_head 2, n_embd 16, "
    assert words in capsys.readouterr().out
    assert words in (config(name="run").folder / "README.md").read_text()


def test_the_recipe_of_a_bigram_has_no_heads(config: Config) -> None:
    assert "n_head" not in recipe(config("bigram"))
    assert recipe(config("bigram"))["block_size"] == 16
    assert recipe(config("gpt"))["n_head"] == 2


def test_the_recipe_is_no_secret_place(config: Config) -> None:
    """Whoever gets the checkpoint learns the name of the text's file, and not in which folder of whom it lies."""
    train(config(name="run"))
    sent = portable_files(config(name="run").folder)["training.json"].decode()
    assert json.loads(sent)["text"]["path"] == "text.txt"
    assert str(config().folder.parent.parent) not in sent


@pytest.mark.parametrize("how", ["plain", "share", "tune", "tokenizer", "init_from"])
def test_the_text_of_a_checkpoint_is_found_again(how: str, config: Config, tmp_path: Path, text: str) -> None:
    """Once, the share was not remembered, and another vocabulary could not be scored at all."""
    more: dict[str, Any] = {"share": {"val_fraction": 0.17}, "tune": {"tune": True}}.get(how, {})
    if how in ("tokenizer", "init_from"):
        (tmp_path / "other.txt").write_text(text + "Ω?!" * 200)
        train(config(name="origin", data=str(tmp_path / "other.txt")))
        more = {how: str(config(name="origin").folder)}
    row = train(config(name="run", **more))
    model, tokenizer = checkpoint.read_model(config(name="run").folder)
    corpus = text_of_checkpoint(config(name="run").folder, tokenizer)
    assert corpus is not None
    assert score.windows_loss(model, corpus.val, 16, [0]) == pytest.approx(row["full_val_16"], abs=1e-6)


def test_a_text_that_is_gone_or_another_is_said(config: Config, text_file: Path, text: str, tmp_path: Path) -> None:
    train(config("bigram", name="run"))
    folder = config(name="run").folder
    _, tokenizer = checkpoint.read_model(folder)
    moved = text_file.rename(tmp_path / "moved.txt")
    with pytest.raises(DataError, match=r"run was trained on .*text\.txt, which is not there; give it with --data"):
        text_of_checkpoint(folder, tokenizer)
    assert text_of_checkpoint(folder, tokenizer, str(moved)) is not None
    text_file.write_text(text + "!")
    with pytest.raises(DataError, match=r"run was trained on a text with sha256 \w{12}; .*text\.txt has \w{12}\."):
        text_of_checkpoint(folder, tokenizer)
    (folder / "training.json").write_text('{"text": {"path": 3}}')
    with pytest.raises(DataError, match=r"run/training\.json does not tell the text of the model"):
        text_of_checkpoint(folder, tokenizer)
    (folder / "training.json").unlink()
    assert text_of_checkpoint(folder, tokenizer) is None


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"seed": 2}, "has seed 1; this command gives seed 2"),
        ({"n_layer": 2}, "has n_layer 1; this command gives n_layer 2"),
        ({"n_layer": 2, "seed": 3}, "has n_layer 1, seed 1; this command gives n_layer 2, seed 3"),
        ({"block_size": 8}, "has block_size 16; this command gives block_size 8"),
        ({"optimizer": "adamw"}, "has optimizer muon; this command gives optimizer adamw"),
        ({"val_fraction": 0.2}, r"has text val_fraction 0\.1; this command gives text val_fraction 0\.2"),
        ({"data": "other.txt"}, r"has text sha256 \w+, .*; this command gives text sha256 \w+, "),
        ({"tokenizer": "origin"}, "has text vocabulary 17; this command gives text vocabulary 18 others"),
    ],
)
def test_another_run_does_not_go_on(
    other: dict[str, Any], words: str, config: Config, at_step: Any, text: str, tmp_path: Path
) -> None:
    """Once, another text or seed was accepted silently, and the card told of a run that never was."""
    (tmp_path / "other.txt").write_text(text[:-1] + "?")
    if other.get("data"):
        other = {"data": str(tmp_path / "other.txt")}
    if other.get("tokenizer"):
        train(config("bigram", name="origin", data=str(tmp_path / "other.txt")))
        other = {"tokenizer": str(config(name="origin").folder)}
    at_step(3, stop())
    train(config(name="run"))
    before = result(config(name="run").folder)
    with pytest.raises(TrainError, match=f"The saved run {words}"):
        train(config(name="run", resume=True, **other))
    assert result(config(name="run").folder) == before


def test_another_schedule_is_reported(config: Config, at_step: Any, capsys: pytest.CaptureFixture[str]) -> None:
    at_step(3, stop())
    train(config(name="run"))
    at_step(-1, stop())
    row = train(config(name="run", resume=True, max_iters=12, learning_rate=0.002))
    assert row["step"] == 12
    assert (
        "note: the schedule is another than before: max_iters was 8 and is 12; learning_rate was 0.003 and is 0.002"
        in capsys.readouterr().out
    )


def test_a_run_of_the_earlier_version_goes_on(config: Config, at_step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its states say nothing of the text, of the best weights or of newer options."""
    train(config(name="run", keep="last"))
    whole = result(config(name="run").folder)
    real = checkpoint.read_json

    def of_the_earlier_version(path: Path) -> dict[str, Any]:
        manifest = real(path)
        for name in ("best", "evaluated", "text", "replaces"):
            manifest.pop(name, None)
        for name in ("keep", "patience", "license", "grow_vocabulary"):
            manifest.get("config", {}).pop(name, None)
        return manifest

    at_step(3, stop())
    train(config(name="run", overwrite=True, keep="last"))
    at_step(-1, stop())
    with monkeypatch.context() as patch:
        patch.setattr("nanogpt.storage.states.read_json", of_the_earlier_version)
        patch.setattr("nanogpt.storage.states.is_signed", lambda manifest: True)
        train(config(name="run", resume=True, keep="last"))
    assert result(config(name="run").folder)["model"] == whole["model"]
