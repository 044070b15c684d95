"""A small copy of this project's repository, held by git."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import save
from nanogpt.text.tokenizer import CharTokenizer

ORIGINAL = Path(__file__).parents[1]


def small_copy(root: Path, tiny: Callable[..., LanguageModel]) -> Path:
    """The files that a Space needs, with one small package folder and two small checkpoints, committed."""
    if shutil.which("git") is None:
        pytest.skip("no git")
    for name in ("app.py", "LICENSE", "README.md", "requirements.txt", ".gitignore", "nanogpt/playground/page.css"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ORIGINAL / name, root / name)
    shutil.copytree(ORIGINAL / "nanogpt" / "text", root / "nanogpt" / "text", dirs_exist_ok=True)
    shutil.copy(ORIGINAL / "nanogpt" / "playground" / "screenshot.png", root / "nanogpt" / "playground")
    for kind in ("bigram", "gpt"):
        save(root / "checkpoints" / kind, tiny(kind), CharTokenizer("\nabcdefghij"))
    git(root, "init", "-q")
    commit(root)
    return root


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "All")
