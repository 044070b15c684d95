"""Checkpoints from the Hub, over real HTTP: bit-equal, and every failure a sentence of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hub_server import HubServer

import nanogpt
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import CONFIG, TOKENIZER, WEIGHTS, CheckpointError, read_model, save
from nanogpt.storage.hub import HubError, UnreachableError, downloads
from nanogpt.storage.hub.downloads import fetch, pull
from nanogpt.storage.hub.uploads import push
from nanogpt.text.tokenizer import CharTokenizer

MODEL_FILES = (CONFIG, TOKENIZER, WEIGHTS)


@pytest.fixture
def pushed(hub: HubServer, gpt: Path) -> Path:
    """The folder whose files are alice/gpt."""
    push(gpt, "alice/gpt")
    return gpt


def weights(folder: Path) -> list[torch.Tensor]:
    return list(read_model(folder)[0].parameters())


def test_push_pull_and_load_are_equal_to_the_bit(pushed: Path, tmp_path: Path) -> None:
    folder, notice = pull("alice/gpt", tmp_path / "pulled")
    assert notice == ""
    for name in MODEL_FILES:
        assert (folder / name).read_bytes() == (pushed / name).read_bytes()
        assert not (folder / name).is_symlink()
    loaded = nanogpt.load("alice/gpt", pack=False)
    assert loaded.name == "alice/gpt"
    assert all(torch.equal(a, b) for a, b in zip(loaded.model.parameters(), weights(pushed), strict=True))


def test_a_revision_is_a_branch_a_tag_or_a_commit(
    pushed: Path, hub: HubServer, tiny: Callable[..., LanguageModel]
) -> None:
    repo = hub.repositories["models", "alice/gpt"]
    first = repo.head
    repo.tags["v1"] = first
    save(pushed, tiny("gpt", seed=1), CharTokenizer("\nabcdefghij"))
    push(pushed, "alice/gpt")
    newest = (pushed / WEIGHTS).read_bytes()
    for source, is_newest in (("alice/gpt", True), ("alice/gpt@v1", False), (f"alice/gpt@{first}", False)):
        assert ((fetch(source).folder / WEIGHTS).read_bytes() == newest) == is_newest
    assert nanogpt.load("alice/gpt", revision="v1").name == "alice/gpt@v1"
    with pytest.raises(HubError, match=r"^alice/gpt has no revision v2\.$"):
        fetch("alice/gpt@v2")


def test_an_earlier_download_is_used_while_the_hub_cannot_be_reached(
    pushed: Path, unreachable: Callable[[], str]
) -> None:
    fetch("alice/gpt")
    why = unreachable()
    folder, notice = fetch("alice/gpt")
    assert notice == f"{why} An earlier download of alice/gpt is used."
    assert torch.equal(weights(folder)[0], weights(pushed)[0])
    with pytest.warns(UserWarning, match="An earlier download of alice/gpt is used"):
        nanogpt.load("alice/gpt")


def test_without_an_earlier_download_the_reason_is_said(hub: HubServer, unreachable: Callable[[], str]) -> None:
    why = unreachable()
    with pytest.raises(UnreachableError) as error:
        fetch("alice/gpt")
    assert str(error.value) == why
    with pytest.raises(UnreachableError) as error:
        nanogpt.load("alice/gpt")
    assert str(error.value) == f"alice/gpt is not a folder here. {why}"


def test_half_an_earlier_download_is_not_used(pushed: Path, unreachable: Callable[[], str]) -> None:
    (fetch("alice/gpt").folder / WEIGHTS).unlink()
    unreachable()
    with pytest.raises(UnreachableError):
        fetch("alice/gpt")


def test_a_missing_repository(hub: HubServer) -> None:
    missing = "There is no repository alice/none on the Hub, or it is private and your token may not read it."
    with pytest.raises(HubError) as error:
        fetch("alice/none")
    assert str(error.value) == missing


@pytest.mark.parametrize("name", MODEL_FILES)
def test_a_missing_file(name: str, pushed: Path, hub: HubServer) -> None:
    del hub.repositories["models", "alice/gpt"].files[name]
    with pytest.raises(HubError, match=f"^alice/gpt has no {name}, so it is not a checkpoint of this project"):
        fetch("alice/gpt")


def test_a_truncated_file_is_not_kept(pushed: Path, hub: HubServer, tmp_path: Path) -> None:
    hub.fault = "truncated"
    with pytest.raises(HubError, match="^alice/gpt: a file arrived incomplete, so nothing of it is kept"):
        fetch("alice/gpt")
    hub.fault = ""
    assert torch.equal(weights(fetch("alice/gpt").folder)[0], weights(pushed)[0])


def test_a_file_with_other_bytes_replaces_nothing(pushed: Path, hub: HubServer, tmp_path: Path) -> None:
    files = hub.repositories["models", "alice/gpt"].files
    files[WEIGHTS] = files[WEIGHTS][:-1] + b"\x01"
    with pytest.raises(CheckpointError, match="^alice/gpt holds no usable model.*digest"):
        pull("alice/gpt", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_weights_over_the_limit_are_not_downloaded(
    pushed: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_WEIGHTS_BYTES", 1000)
    with pytest.raises(HubError, match=r"^alice/gpt: model.safetensors has [\d,]+ bytes; the limit is 1,000\.$"):
        fetch("alice/gpt")


def test_a_wrong_token(pushed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match=r"^The Hub does not accept your token\. Make a new one: https://"):
        fetch("alice/gpt")


def test_no_token_is_needed_for_a_public_repository(pushed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    assert torch.equal(weights(fetch("alice/gpt").folder)[0], weights(pushed)[0])


def test_another_checkpoint_is_not_overwritten_unasked(
    pushed: Path, tmp_path: Path, tiny: Callable[..., LanguageModel]
) -> None:
    save(tmp_path / "mine", tiny("bigram"), CharTokenizer("\nabcdefghij"))
    before = {p.name: p.read_bytes() for p in (tmp_path / "mine").iterdir()}
    with pytest.raises(CheckpointError, match="mine holds something else: .* --overwrite"):
        pull("alice/gpt", tmp_path / "mine")
    assert {p.name: p.read_bytes() for p in (tmp_path / "mine").iterdir()} == before
    (tmp_path / "mine" / "analysis.json").write_text("{}")
    for _ in range(2):  # the second time it holds the same model
        pull("alice/gpt", tmp_path / "mine", overwrite=True)
    pull("alice/gpt", tmp_path / "mine")
    assert torch.equal(weights(tmp_path / "mine")[0], weights(pushed)[0])
    assert not (tmp_path / "mine" / "analysis.json").exists()  # it told of the other model


def test_a_folder_of_other_files_is_not_filled(pushed: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    pull("alice/gpt", tmp_path / "thesis")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "README.md").write_text("mine")
    with pytest.raises(CheckpointError, match="notes holds something else"):
        pull("alice/gpt", tmp_path / "notes")
