"""A checkpoint's name is a folder's, or else a repository's."""

from pathlib import Path

import pytest
from hub_server import HubServer

import nanogpt
from nanogpt.storage.checkpoint import WEIGHTS, CheckpointError
from nanogpt.storage.hub import HubError, located
from nanogpt.storage.hub.uploads import push


def test_a_folder_comes_before_a_repository(hub: HubServer, gpt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(gpt, "alice/gpt")
    (gpt.parent / "alice").mkdir()
    gpt.rename(gpt.parent / "alice" / "gpt")
    assert located("alice/gpt")[1].name == hub.repositories["models", "alice/gpt"].head
    monkeypatch.chdir(gpt.parent)
    assert located("alice/gpt") == ("gpt", Path("alice/gpt"), "")


def test_the_error_says_what_a_name_can_be(hub: HubServer) -> None:
    with pytest.raises(HubError, match=r"^alice/none is not a folder here\. There is no repository alice/none"):
        nanogpt.load("alice/none")
    for name in ("none", "a/b/c", "alice/gpt\n", "alice/\0", "\ud800"):
        with pytest.raises(CheckpointError, match="is neither a folder nor the name of a repository, USER/REPO"):
            nanogpt.load(name)


def test_a_path_never_asks_the_hub(hub: HubServer, gpt: Path) -> None:
    push(gpt, "alice/gpt")
    with pytest.raises(CheckpointError, match="No such file"):
        nanogpt.load(Path("alice/gpt"))


def test_the_cache_is_read_through_its_links(hub: HubServer, gpt: Path) -> None:
    push(gpt, "alice/gpt")
    _, folder, _ = located("alice/gpt")
    assert (folder / WEIGHTS).is_symlink()
    assert nanogpt.load(folder).parameters == nanogpt.load(gpt).parameters
