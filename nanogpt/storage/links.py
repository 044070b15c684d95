"""Which symbolic links are followed: those of the Hugging Face Hub's cache, and no others. Knows paths."""

import os
from pathlib import Path


def followed(path: Path) -> Path:
    """The file that a link in the Hub's cache stands for; any other path as it is, a link or not.

    The cache links CACHE/models--USER--REPO/snapshots/COMMIT/NAME to a file in CACHE/models--USER--REPO/blobs, which
    may itself be a link into CACHE/blobs, shared by all repositories.
    """
    if not path.is_symlink():
        return path
    snapshots = Path(os.path.realpath(path.parent)).parent
    repo = snapshots.parent
    target = Path(os.path.realpath(path))
    is_cache = snapshots.name == "snapshots" and repo.name.startswith("models--")
    inside = any(target.is_relative_to(blobs) for blobs in (repo / "blobs", repo.parent / "blobs"))
    return target if is_cache and inside else path
