"""The Hugging Face Hub: the only package that knows it.

A repository holds the files of one checkpoint folder, or a Space. Every failure is a `HubError` whose message says what
helps.
"""

import os
from pathlib import Path

from nanogpt.checks import shown
from nanogpt.storage.checkpoint import CheckpointError
from nanogpt.storage.hub.names import is_repo


class HubError(Exception):
    """The Hub did not do what was asked; the message says why, and what helps."""


class UnreachableError(HubError):
    """The Hub could not be asked at all; what is in the cache may still be used."""


def located(source: str | os.PathLike[str]) -> tuple[str, Path, str]:
    """The name and the folder of a checkpoint, and a notice as of `fetch`.

    The checkpoint is a folder on disk; or else, if a string looks like USER/REPO[@REVISION], a repository of the Hub.
    Raises CheckpointError or HubError.
    """
    folder = Path(source)
    if not isinstance(source, str) or folder.is_dir():
        return Path(os.path.abspath(folder)).name, folder, ""
    if not is_repo(source.partition("@")[0]):
        raise CheckpointError(f"{shown(source, 200)} is neither a folder nor the name of a repository, USER/REPO.")
    from nanogpt.storage.hub.downloads import fetch  # the Hub's library takes long to import

    try:
        return source, *fetch(source)
    except HubError as error:
        raise type(error)(f"{source} is not a folder here. {error}") from error
