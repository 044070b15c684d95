"""Only links of the Hub's cache are followed, and only to files inside that cache."""

import os
from pathlib import Path

import pytest

from nanogpt.storage.checkpoint import CheckpointError, read_file
from nanogpt.storage.links import followed


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with one repository, one file, and one place that all repositories share."""
    cache = tmp_path / "hub"
    for folder in ("models--alice--gpt/blobs", "models--alice--gpt/snapshots/c0ffee", "blobs/ab", "other/blobs"):
        (cache / folder).mkdir(parents=True)
        (cache / folder / "file").write_text(folder)
    return cache


def link(cache: Path, target: str | Path, folder: str = "models--alice--gpt/snapshots/c0ffee") -> Path:
    path = cache / folder / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


@pytest.mark.parametrize("target", ["../../blobs/file", "../../../blobs/ab/file"])
def test_links_into_the_blobs_are_read(target: str, cache: Path) -> None:
    assert b"blobs" in read_file(link(cache, target), 100)


def test_a_shared_blob_is_reached_through_two_links(cache: Path) -> None:
    (cache / "models--alice--gpt/blobs/etag").symlink_to("../../blobs/ab/file")
    assert read_file(link(cache, "../../blobs/etag"), 100) == b"blobs/ab"


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "../../../../secret", "../../../other/blobs/file", "file", "../../blobs/../../../secret", "none"],
)
def test_links_to_other_places_are_refused(target: str, cache: Path) -> None:
    (cache.parent / "secret").write_text("secret")
    with pytest.raises(CheckpointError, match=r"config\.json: a symbolic link"):
        read_file(link(cache, target), 100_000)


def test_a_blob_that_leads_out_of_the_cache_is_refused(cache: Path) -> None:
    (cache / "models--alice--gpt/blobs/etag").symlink_to("/etc/passwd")
    with pytest.raises(CheckpointError, match="a symbolic link"):
        read_file(link(cache, "../../blobs/etag"), 100_000)


@pytest.mark.parametrize("folder", ["models--alice--gpt/c0ffee/x", "gpt/snapshots/c0ffee"])
def test_other_layouts_are_refused(folder: str, cache: Path) -> None:
    (cache / "gpt" / "blobs").mkdir(parents=True)
    (cache / "gpt" / "blobs" / "file").write_text("blob")
    with pytest.raises(CheckpointError, match="a symbolic link"):
        read_file(link(cache, "../../blobs/file", folder), 100)


def test_a_circle_and_a_pipe_behind_a_link_are_refused(cache: Path) -> None:
    os.mkfifo(cache / "models--alice--gpt/blobs/pipe")
    path = link(cache, "../../blobs/pipe")
    with pytest.raises(CheckpointError, match="not a regular file"):
        read_file(path, 100)
    path.unlink()
    path.symlink_to("config.json")
    with pytest.raises(CheckpointError, match="a symbolic link"):
        read_file(path, 100)


def test_what_is_no_link_is_itself(cache: Path) -> None:
    for path in (cache / "other", cache / "none", cache / "blobs/ab/file"):
        assert followed(path) == path
