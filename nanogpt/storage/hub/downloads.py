"""Checkpoints from the Hub: into its cache, or from there into a folder. Knows files and names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import LocalEntryNotFoundError

from nanogpt.storage.atomic import write_files
from nanogpt.storage.checkpoint import (
    CONFIG,
    MAX_WEIGHTS_BYTES,
    TOKENIZER,
    WEIGHTS,
    CheckpointError,
    read_file,
    read_model,
)
from nanogpt.storage.hub import HubError, UnreachableError
from nanogpt.storage.hub.answers import explained
from nanogpt.storage.hub.names import split_revision
from nanogpt.storage.portable import MODEL_FILES, OTHER_FILES, clear, portable_files

ANSWER_SECONDS = 10.0  # until the Hub answers a question


class Snapshot(NamedTuple):
    """A downloaded repository: its folder, and a sentence for the operator, or "" if all went well."""

    folder: Path
    notice: str


def fetch(source: str) -> Snapshot:
    """Download the checkpoint USER/REPO[@REVISION] into the Hub's cache, where it is not there yet.

    While the Hub cannot be reached, an earlier download is used, and the notice says so. Raises HubError, and
    ValueError for a name that the Hub does not allow.
    """
    repo, revision = split_revision(source)
    try:
        with explained(repo, revision):
            return Snapshot(_download(repo, revision or constants.DEFAULT_REVISION), "")
    except UnreachableError as error:
        try:
            folder = _download(repo, revision or constants.DEFAULT_REVISION, from_cache=True)
        except LocalEntryNotFoundError:
            raise error from None
        return Snapshot(folder, f"{error} An earlier download of {source} is used.")


def _download(repo: str, revision: str, *, from_cache: bool = False) -> Path:
    """The folder of a snapshot in the cache. The configuration comes first; all other files are of the same commit."""

    def file(name: str, revision: str) -> Path:
        where: dict[str, Any] = {"revision": revision, "local_files_only": from_cache}
        return Path(hf_hub_download(repo, name, etag_timeout=ANSWER_SECONDS, **where))

    there = None if from_cache else _files_of(repo, revision)
    folder = file(CONFIG, revision).parent
    for name in (WEIGHTS, TOKENIZER):
        file(name, folder.name)
    for name in OTHER_FILES:
        if there is not None and name in there:
            file(name, folder.name)
    return folder


def _files_of(repo: str, revision: str) -> set[str]:
    """The names of a repository's files, before any is downloaded. Raises HubError if they are no checkpoint."""
    found = HfApi().model_info(repo, revision=revision, files_metadata=True, timeout=ANSWER_SECONDS).siblings or []
    sizes = {file.rfilename: file.size or 0 for file in found}
    for name in MODEL_FILES:
        if name not in sizes:
            raise HubError(f"{repo} has no {name}, so it is not a checkpoint of this project.")
    if sizes[WEIGHTS] > MAX_WEIGHTS_BYTES:
        raise HubError(f"{repo}: {WEIGHTS} has {sizes[WEIGHTS]:,} bytes; the limit is {MAX_WEIGHTS_BYTES:,}.")
    return set(sizes)


def pull(source: str, into: str | os.PathLike[str], *, overwrite: bool = False) -> Snapshot:
    """Download the checkpoint USER/REPO[@REVISION] into the folder `into`, where other programs find it.

    It is read before a file is replaced, and the configuration is written last, as `checkpoint.save` does. Raises
    HubError, and CheckpointError if the download holds no usable model, or if `into` holds something else and
    `overwrite` is False.
    """
    folder, notice = fetch(source)
    try:
        read_model(folder)
    except CheckpointError as error:
        raise CheckpointError(f"{source} holds no usable model. {error}") from error
    into = Path(into)
    files = portable_files(folder)
    another = into.exists() and not _holds_the_same(into, files)
    if another and not overwrite:
        raise CheckpointError(f"{into} holds something else: choose another folder, or replace it with --overwrite.")
    into.mkdir(parents=True, exist_ok=True)
    if another:
        clear(into)
    write_files({into / name: files[name] for name in (*OTHER_FILES, *MODEL_FILES) if name in files})
    return Snapshot(into, notice)


def _holds_the_same(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether a folder is empty, or its model is that of `files`."""
    if folder.is_dir() and not any(folder.iterdir()):
        return True
    try:
        return all(read_file(folder / name, MAX_WEIGHTS_BYTES) == files[name] for name in MODEL_FILES)
    except CheckpointError:
        return False
