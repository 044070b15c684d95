"""Files are replaced whole or not at all, leftovers of killed writers go, and JSON notices its own damage."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nanogpt.storage.atomic import digest_of, is_signed, remove_leftovers, signed, write_file, write_files


def test_all_data_are_written_before_the_first_file_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file was replaced as soon as it was written: while the next one was written, old and new stood together."""
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (done.append("fsync"), fsync(descriptor)))
    monkeypatch.setattr(os, "replace", lambda old, new: (done.append(Path(new).name), replace(old, new)))
    write_files({tmp_path / "a": b"1", tmp_path / "b": b"2"})
    assert done == ["fsync", "fsync", "a", "b", "fsync"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"1", b"2")


@pytest.mark.parametrize("call", ["fsync", "fchmod"])
def test_an_error_names_the_file_and_leaves_nothing(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk was reported as "error: : No space left on device"."""

    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left on device") as error:
        write_file(tmp_path / "model", b"data")
    assert error.value.filename == str(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_only_leftovers_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed while it writes leaves its temporary file, and once it stayed for good."""
    kept = [".lock", "model.safetensors", "00000002.json", ".gitattributes", ".hidden.txt"]
    for name in kept:
        write_file(tmp_path / name, b"x")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda old, new: None)  # what was written stays, as after a kill -9
        for name in kept:
            write_file(tmp_path / name, b"half")
    assert len(list(tmp_path.iterdir())) == 2 * len(kept)
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_a_digest_is_that_of_the_content() -> None:
    value = {"b": [1, 2.5, None], "a": {"x": "é", "y": True}}
    read = json.loads(signed(value))
    assert is_signed(read)
    assert {key: part for key, part in read.items() if key != "digest"} == value
    assert digest_of(json.loads(json.dumps(value, indent=7))) == read["digest"]
    assert not is_signed(value)
    assert not is_signed({**read, "b": [1, 2.25, None]})
    assert not is_signed({**read, "c": 1})
    assert not is_signed({**read, "digest": None})
