"""The names of repositories and revisions on the Hub. Knows strings."""

import re

from nanogpt.checks import shown

_PART = "[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
_REPO = re.compile(f"{_PART}/{_PART}")
_REVISION = re.compile("[A-Za-z0-9_](?:[A-Za-z0-9._/-]*[A-Za-z0-9_])?")


def is_repo(name: str) -> bool:
    """Whether the Hub allows this name, USER/REPO. Its own library lets a final newline and other alphabets pass."""
    return bool(_REPO.fullmatch(name)) and len(name) <= 96 and not re.search(r"--|\.\.|\.git$", name)


def check_repo(name: str) -> str:
    """Return the name of a repository; raise ValueError if the Hub does not allow it."""
    if not is_repo(name):
        raise ValueError(
            "A repository is named USER/REPO, in at most 96 of a-z, A-Z, 0-9, '-', '_' and '.', without '--' or '..', "
            f"and no part begins or ends with '-' or '.'; got {shown(name, 100)}."
        )
    return name


def split_revision(source: str) -> tuple[str, str]:
    """USER/REPO@REVISION → (USER/REPO, REVISION); without an @ the revision is "". Raises ValueError."""
    repo, at, revision = source.partition("@")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise ValueError(
            f"A revision is a branch, a tag or a commit of a-z, 0-9, -, _, . and /; got {shown(revision)}."
        )
    return check_repo(repo), revision
