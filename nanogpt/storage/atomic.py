"""Files that are replaced whole or not at all, and JSON objects that carry a digest of themselves.

Knows files and folders; knows no model.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LEFTOVER = re.compile(r"\..+\.[a-z0-9_]{8}")  # the name of a temporary file, as `_written` asks mkstemp for it


def write_file(path: Path, data: bytes) -> None:
    """Replace `path` whole or not at all. Raises OSError, which names the path."""
    write_files({path: data})


def write_files(files: Mapping[Path, bytes]) -> None:
    """Replace files of one folder in this order, each whole or not at all: temporary file, fsync, rename, fsync of the
    folder. Raises OSError, which names the path.

    All data are on the disk before the first rename, so old and new files stand side by side only for microseconds.
    """
    written: dict[Path, str] = {}
    path = next(iter(files))
    try:
        for path, data in files.items():
            _write_temporary(path, data, written)
        for path, temporary in written.items():
            os.replace(temporary, path)
    except BaseException as error:
        for temporary in written.values():
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # an error of `write` and `fsync` says only what went wrong
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write_temporary(path: Path, data: bytes, written: dict[Path, str]) -> None:
    """Write `data` into a new file beside `path`, and note its name in `written` before anything can fail."""
    descriptor, written[path] = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
        os.fchmod(f.fileno(), 0o666 & ~_umask())  # mkstemp lets only the owner read it


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of writers that were killed. Only for who knows that nobody else writes there now."""
    if folder.is_dir():
        for path in folder.iterdir():
            if LEFTOVER.fullmatch(path.name):
                path.unlink(missing_ok=True)


def as_json(value: object) -> bytes:
    """`value` as readable JSON, in ASCII."""
    return (json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode()


def signed(value: Mapping[str, Any]) -> bytes:
    """A JSON object with a digest of itself under "digest": damage that leaves it readable is noticed all the same."""
    return as_json({**value, "digest": digest_of(value)})


def digest_of(value: Mapping[str, Any]) -> str:
    """The SHA-256 digest of a JSON object, however it is laid out; its "digest" does not count."""
    counted = {key: part for key, part in value.items() if key != "digest"}
    return hashlib.sha256(json.dumps(counted, sort_keys=True).encode()).hexdigest()


def is_signed(value: Mapping[str, Any]) -> bool:
    """Does a JSON object carry the digest that it must have?"""
    return "digest" in value and value["digest"] == digest_of(value)
