"""Checkpoints and Spaces to the Hub. Knows files and names; knows no page."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import HfApi, ModelCard, SpaceHardware, constants, get_session, get_token
from huggingface_hub.errors import RepositoryNotFoundError

from nanogpt.models import kind_of
from nanogpt.storage.checkpoint import read_model
from nanogpt.storage.hub import HubError
from nanogpt.storage.hub.answers import TOKENS_PAGE, explained
from nanogpt.storage.hub.downloads import ANSWER_SECONDS
from nanogpt.storage.hub.front_matter import card_front
from nanogpt.storage.hub.names import check_repo
from nanogpt.storage.portable import CARD, MODEL_FILES, OTHER_FILES, portable_files
from nanogpt.text.markdown import plain

UPLOAD_SECONDS = 120.0  # until the Hub has stored what it was sent


class Upload(NamedTuple):
    """Where an upload went, and whether the repository is a new one."""

    url: str
    is_new: bool


def push(
    folder: str | os.PathLike[str], repo: str, *, private: bool = False, message: str = "", project: str = ""
) -> Upload:
    """Upload a checkpoint as the newest revision of the repository USER/REPO, which is made if it is not there.

    Args:
        private: make the new repository a private one.
        message: the commit message.
        project: the address of the code, for the model card.

    Raises CheckpointError for a folder without a usable model, HubError, and ValueError for a name that the Hub does
    not allow.
    """
    check_repo(repo)
    folder = Path(folder)
    model, _ = read_model(folder)
    files = portable_files(folder)
    if CARD in files:
        text = files[CARD].decode("utf-8")
    else:  # saved by hand: only training writes a whole card
        text = f"{card_front(folder.name, kind_of(model.config))}\n# {plain(folder.name)}\n"
    if project and project not in text:
        text += f"\nMade with the code of {project}.\n"
    files[CARD] = str(ModelCard(text)).encode()
    message = message or f"Push {folder.name}"
    return _upload(files, repo, "model", message, private=private, replaced=[*MODEL_FILES, *OTHER_FILES])


def push_space(files: Mapping[str, bytes], space: str, hardware: str, *, private: bool = False) -> Upload:
    """Make the Space USER/SPACE, or update it: afterwards it holds exactly `files` (path → content).

    Raises HubError, and ValueError for a name that the Hub does not allow.
    """
    made = _upload(files, space, "space", "Deploy", private=private, replaced=["*"], hardware=hardware)
    if not made.is_new:
        with explained(space):
            runtime = HfApi().get_space_runtime(space)
            if hardware not in (runtime.hardware, runtime.requested_hardware):
                HfApi().request_space_hardware(space, SpaceHardware(hardware))
    return made


def _upload(
    files: Mapping[str, bytes],
    repo: str,
    kind: str,
    message: str,
    *,
    private: bool,
    replaced: list[str],
    hardware: str | None = None,
) -> Upload:
    """One commit with `files`; files of the repository that match `replaced` and are not among them are deleted."""
    check_repo(repo)
    api = HfApi()
    with explained(repo), tempfile.TemporaryDirectory() as staged:
        if get_token() is None and not constants.is_offline_mode():
            raise HubError(
                f"There is no token for the Hub: run `hf auth login`, or set HF_TOKEN. Make one: {TOKENS_PAGE}"
            )
        get_session().timeout = UPLOAD_SECONDS  # the library itself would wait for ever
        earlier = _earlier(api, repo, kind)
        if earlier and private and not earlier.private:
            raise HubError(f"{repo} exists and is public: make it private in its settings on the Hub first.")
        if not earlier:
            space: dict[str, Any] = {"space_sdk": "gradio", "space_hardware": hardware} if kind == "space" else {}
            api.create_repo(repo, repo_type=kind, private=private, exist_ok=True, **space)
        for name, data in files.items():
            path = Path(staged, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        api.upload_folder(
            repo_id=repo, repo_type=kind, folder_path=staged, commit_message=message, delete_patterns=replaced
        )
        part = "spaces/" if kind == "space" else ""
        return Upload(f"{constants.ENDPOINT}/{part}{repo}", not earlier)


def _earlier(api: HfApi, repo: str, kind: str) -> Any:
    """What the Hub says of a repository, or None if there is none."""
    try:
        return api.repo_info(repo, repo_type=kind, timeout=ANSWER_SECONDS)
    except RepositoryNotFoundError:
        return None
