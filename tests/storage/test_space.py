"""The files of a Space: what the page needs, what the Hub needs, and nothing else."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import RepoCard
from repository import ORIGINAL, commit, git, small_copy

from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import CONFIG, TOKENIZER, WEIGHTS, CheckpointError, save
from nanogpt.storage.space import HARDWARE, project_address, space_files, space_readme, space_requirements
from nanogpt.text.tokenizer import CharTokenizer

PINS = (ORIGINAL / "requirements.txt").read_text()


@pytest.fixture
def repository(tmp_path: Path, tiny: Callable[..., LanguageModel]) -> Path:
    return small_copy(tmp_path / "repository", tiny)


def test_a_space_gets_code_checkpoints_and_generated_files(repository: Path) -> None:
    (repository / "nanogpt" / "text" / "__pycache__").mkdir(exist_ok=True)
    (repository / "nanogpt" / "text" / "__pycache__" / "prompt.pyc").write_bytes(b"")
    (repository / "notes.txt").write_text("mine")
    (repository / "checkpoints" / "gpt" / ".lock").write_text("")
    files = space_files(repository, HARDWARE["cpu-basic"])
    code = {p.relative_to(repository).as_posix() for p in (repository / "nanogpt" / "text").glob("*.py")}
    code |= {"app.py", "nanogpt/playground/page.css", "nanogpt/playground/screenshot.png"}
    models = {f"checkpoints/{kind}/{name}" for kind in ("bigram", "gpt") for name in (CONFIG, TOKENIZER, WEIGHTS)}
    generated = {"README.md", "requirements.txt"}
    assert set(files) == code | models | generated | {"LICENSE"}
    assert all((repository / name).read_bytes() == data for name, data in files.items() if name not in generated)


def test_the_requirements_are_the_pins_with_the_hardwares_own() -> None:
    common = [line for line in PINS.splitlines() if not line.startswith("torch==")]
    index = "--extra-index-url https://download.pytorch.org/whl/cpu"
    for name, own in (
        ("cpu-basic", [index, f"{next(p for p in PINS.splitlines() if p.startswith('torch=='))}+cpu"]),
        ("zero-gpu", ["torch==2.11.0", "spaces==0.51.3"]),
    ):
        assert space_requirements(PINS, HARDWARE[name]).splitlines() == own + common


@pytest.mark.parametrize("name", HARDWARE)
def test_the_front_matter_is_the_repositorys_with_the_versions_of_the_space(name: str) -> None:
    readme = space_readme((ORIGINAL / "README.md").read_text(), PINS, HARDWARE[name], "https://example.org/code")
    ours = RepoCard((ORIGINAL / "README.md").read_text()).data.to_dict()
    data = RepoCard(readme).data.to_dict()
    changed = {"python_version", "suggested_hardware"}
    assert {k: v for k, v in data.items() if k not in changed} == {k: v for k, v in ours.items() if k not in changed}
    assert f"gradio=={data['sdk_version']}" in PINS.splitlines()
    assert data["python_version"].startswith("3.12")
    assert data["suggested_hardware"] == HARDWARE[name].flavour
    assert "[the project's repository](https://example.org/code)" in readme


def test_the_readme_of_a_space_links_to_its_own_files(repository: Path) -> None:
    files = space_files(repository, HARDWARE["zero-gpu"])
    readme = files["README.md"].decode()
    assert all(target in files for target in re.findall(r"\]\(([^)]+)\)", readme))
    assert "screenshot.png" in readme
    assert "](" in readme


def test_checkpoints_that_git_does_not_hold_stay_here(repository: Path, tiny: Callable[..., LanguageModel]) -> None:
    """A checkpoint of ones own is ignored by git as my-gpt; any other name has to be committed first."""
    save(repository / "checkpoints" / "my-gpt", tiny("gpt"), CharTokenizer("\nabcdefghij"))
    assert not any("my-gpt" in name for name in space_files(repository, HARDWARE["zero-gpu"]))
    (repository / "checkpoints" / "my-gpt").rename(repository / "checkpoints" / "mine")
    with pytest.raises(CheckpointError, match=r"^checkpoints/mine/ is not committed: commit it or remove it"):
        space_files(repository, HARDWARE["zero-gpu"])
    commit(repository)
    assert "checkpoints/mine/config.json" in space_files(repository, HARDWARE["zero-gpu"])


def test_a_checkpoint_that_was_changed_or_lost_is_refused(repository: Path, tiny: Callable[..., LanguageModel]) -> None:
    save(repository / "checkpoints" / "gpt", tiny("gpt", seed=1), CharTokenizer("\nabcdefghij"))
    with pytest.raises(CheckpointError, match=r"^checkpoints/gpt/\S+ is not committed"):
        space_files(repository, HARDWARE["zero-gpu"])
    shutil.rmtree(repository / "checkpoints" / "gpt")
    with pytest.raises(CheckpointError, match=r"^checkpoints/gpt/\S+ is not committed"):
        space_files(repository, HARDWARE["zero-gpu"])


def test_a_damaged_checkpoint_is_refused(repository: Path) -> None:
    path = repository / "checkpoints" / "gpt" / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    commit(repository)
    with pytest.raises(CheckpointError, match="digest"):
        space_files(repository, HARDWARE["zero-gpu"])


def test_without_git_all_checkpoints_are_sent(repository: Path) -> None:
    shutil.rmtree(repository / ".git")
    assert "checkpoints/gpt/config.json" in space_files(repository, HARDWARE["zero-gpu"])


def test_a_repository_without_checkpoints_or_app_is_refused(repository: Path) -> None:
    git(repository, "rm", "-rq", "checkpoints")
    commit(repository)
    with pytest.raises(CheckpointError, match="There is no checkpoint in checkpoints/"):
        space_files(repository, HARDWARE["zero-gpu"])
    (repository / "app.py").unlink()
    with pytest.raises(ValueError, match="There is no app.py"):
        space_files(repository, HARDWARE["zero-gpu"])


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://example.org/alice/code.git", "https://example.org/alice/code"),
        ("https://alice:secret@example.org/alice/code", "https://example.org/alice/code"),
        ("git@example.org:alice/code.git", "https://example.org/alice/code"),
        ("ssh://git@example.org/alice/code.git", "https://example.org/alice/code"),
        ("/srv/code.git", ""),
        ("http://127.0.0.1:3000/code", ""),
    ],
)
def test_the_projects_address_is_that_of_gits_remote(remote: str, address: str, repository: Path) -> None:
    assert project_address(repository) == ""
    git(repository, "remote", "add", "origin", remote)
    assert project_address(repository) == address


def test_the_page_starts_from_the_files_of_a_space_alone(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ORIGINAL / "nanogpt", repository / "nanogpt", dirs_exist_ok=True)
    for name, data in space_files(repository, HARDWARE["cpu-basic"]).items():
        path = tmp_path / "space" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    build = "import app; z = app.Zoo('checkpoints'); app.build_app(z); print(*z.names)"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-c", build], cwd=tmp_path / "space", env=env, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == ["bigram", "gpt"], ran.stderr
