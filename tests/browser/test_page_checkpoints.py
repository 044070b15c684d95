"""Folders that cannot be used: the log names them and their reason, and the page offers the rest."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Visit
from server import CHECKPOINTS, Server
from visitor import generate, texts

pytestmark = pytest.mark.browser


def test_a_damaged_folder_is_reported_to_the_operator_and_the_rest_is_offered(
    visit: Visit, start_server: Callable[[Path], Server], tmp_path: Path
) -> None:
    shutil.copytree(CHECKPOINTS / "bigram", tmp_path / "bigram")
    shutil.copytree(CHECKPOINTS / "trigram", tmp_path / "damaged")
    weights = tmp_path / "damaged" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    (tmp_path / "empty").mkdir()
    os.utime(tmp_path / "empty", (0, 0))  # what is just made may not be complete yet
    os.utime(weights, (0, 0))
    os.utime(tmp_path / "damaged", (0, 0))
    server = start_server(tmp_path)
    page = visit(server.url, model_2="damaged", characters=30, run=False)  # its damage is found when it is first used
    assert page.get_by_test_id("toast-body").first.is_visible()
    page = visit(server.url, characters=30)
    visit(server.url, characters=30)
    for said in (
        "damaged could not be loaded. damaged/model.safetensors: the digest is not the one in config.json",
        "empty could not be loaded. empty/config.json: No such file or directory",
    ):
        assert server.log.read_text().count(said) == 1
    assert page.locator("#problems").is_hidden()
    for side in (1, 2):
        assert page.locator(f"#model_{side} option").all_inner_texts() == ["Bigram"]
    generate(page)
    assert texts(page)[0] == texts(page)[1]
    assert len(texts(page)[0]) == 30


def test_without_any_checkpoint_the_page_says_how_to_make_some(
    visit: Visit, start_server: Callable[[Path], Server], tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    page = visit(start_server(tmp_path / "none").url, run=False)
    assert (
        "No checkpoints in none/. Train some with: python train.py" in page.locator("#problems textarea").input_value()
    )
    assert page.locator("#prompt textarea").is_visible()
