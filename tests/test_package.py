"""What `pip install .` installs."""

import email
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import nanogpt

pytest.importorskip("setuptools")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a copy of the package, built with the installed setuptools and without network."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(ROOT / "nanogpt", source / "nanogpt", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=source, check=True, capture_output=True)
    (path,) = source.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_example_of_the_package_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Seven lines that show the library: they stand in its docstring."""
    _, _, example = (nanogpt.__doc__ or "").partition("\n\n")
    assert len(example.splitlines()) == 7
    monkeypatch.chdir(ROOT)
    exec(compile(example, "example", "exec"), {})
    out = capsys.readouterr().out
    assert " bits\n" in out
    assert "torch.Size([5, 4, 19, 19])" in out


def test_what_the_package_offers_is_there() -> None:
    assert sorted(nanogpt.__all__) == nanogpt.__all__
    assert all(hasattr(nanogpt, name) for name in nanogpt.__all__)


def test_the_wheel_holds_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    kinds = (".py", ".js", ".css", ".json", ".png")
    files = {p.relative_to(ROOT).as_posix() for p in (ROOT / "nanogpt").rglob("*") if p.suffix in kinds}
    assert files == {name for name in wheel.namelist() if not name.startswith("nanogpt_playground-")}
    assert any(name.endswith(".js") for name in files)


def test_the_wheel_requires_what_requirements_txt_pins(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith("/METADATA"))
    metadata = email.message_from_bytes(wheel.read(name))
    pinned = (ROOT / "requirements.txt").read_text().split()
    assert sorted(metadata.get_all("Requires-Dist", [])) == sorted(pinned)
    assert metadata["Version"] == nanogpt.__version__
    assert metadata["Name"] == "nanogpt-playground"


def test_pre_commit_runs_what_ci_runs() -> None:
    checks = [
        line for line in (ROOT / "tests" / "run.sh").read_text().splitlines() if line.startswith(("ruff", "mypy"))
    ]
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert len(checks) == 3
    assert all(f"entry: .venv/bin/{check}\n" in hooks for check in checks)
