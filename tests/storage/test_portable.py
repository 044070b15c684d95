"""The files of a checkpoint that another machine needs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import CONFIG, TOKENIZER, WEIGHTS, CheckpointError, save
from nanogpt.storage.portable import clear, portable_files
from nanogpt.text.tokenizer import CharTokenizer


def test_the_model_and_what_is_told_of_it_travel(tmp_path: Path, tiny: Callable[..., LanguageModel]) -> None:
    save(tmp_path, tiny("bigram"), CharTokenizer("\nabcdefghij"))
    for name in ("analysis.json", "metrics.jsonl", "README.md", ".lock", "notes.txt"):
        (tmp_path / name).write_text(name)
    (tmp_path / "state").mkdir()
    files = portable_files(tmp_path)
    assert set(files) == {WEIGHTS, TOKENIZER, CONFIG, "analysis.json", "metrics.jsonl", "README.md"}
    assert all((tmp_path / name).read_bytes() == data for name, data in files.items())
    (tmp_path / TOKENIZER).unlink()
    with pytest.raises(CheckpointError, match=TOKENIZER):
        portable_files(tmp_path)


def test_what_belongs_to_a_replaced_model_goes(tmp_path: Path, tiny: Callable[..., LanguageModel]) -> None:
    """Its saved state would have been continued under another model's name."""
    save(tmp_path, tiny("bigram"), CharTokenizer("\nabcdefghij"))
    for name in ("analysis.json", "metrics.jsonl", "training.json", "README.md", "notes.txt"):
        (tmp_path / name).write_text(name)
    for name in ("state", "snapshots", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "00000001.json").touch()
    clear(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {WEIGHTS, TOKENIZER, CONFIG, "notes.txt", "mine"}
