"""The files of a Hugging Face Space: the app, its checkpoints, its own requirements and front matter.

Knows files and git; asks no network.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from nanogpt.storage.checkpoint import CONFIG, CheckpointError, read_file, read_model
from nanogpt.storage.portable import portable_files

CODE = (".py", ".js", ".css", ".html", ".json", ".png")
MAX_CODE_BYTES = 10_000_000
# Beside the pins of requirements.txt. PyPI's torch for Linux brings gigabytes of CUDA, useful on ZeroGPU only.
CPU_REQUIREMENTS = """\
--extra-index-url https://download.pytorch.org/whl/cpu
torch==2.13.0+cpu
"""
# The newest torch that ZeroGPU offers, and the package through which it lends its GPUs.
ZERO_GPU_REQUIREMENTS = """\
torch==2.11.0
spaces==0.51.3
"""
README_END = """
## This Space

`python -m nanogpt deploy` made it from {repository}. There, the README tells how to train models of your
own, and the tests stand beside the code.
"""


@dataclass(frozen=True)
class Hardware:
    """What a Space runs on: its name on the Hub, the Python there, and the requirements that are its own."""

    flavour: str
    python: str
    requirements: str


HARDWARE = {
    "zero-gpu": Hardware("zero-a10g", "3.12.12", ZERO_GPU_REQUIREMENTS),
    "cpu-basic": Hardware("cpu-basic", "3.12", CPU_REQUIREMENTS),
}


def space_files(root: Path, hardware: Hardware, project: str = "") -> dict[str, bytes]:
    """Path → content of everything that the Space needs, made of the repository in `root`.

    `project` is the address of the repository, for the Space's README. Raises CheckpointError for a checkpoint that is
    missing, damaged or not committed, and ValueError outside a copy of the repository.
    """
    if not (root / "app.py").is_file():
        raise ValueError("There is no app.py beside the package: deploy from a copy of the repository.")
    files = {name: read_file(root / name, MAX_CODE_BYTES) for name in ["app.py", "LICENSE", *_code(root)]}
    files |= _checkpoints(root)
    pins = read_file(root / "requirements.txt", MAX_CODE_BYTES).decode()
    files["requirements.txt"] = space_requirements(pins, hardware).encode()
    readme = read_file(root / "README.md", MAX_CODE_BYTES).decode()
    files["README.md"] = space_readme(readme, pins, hardware, project).encode()
    return dict(sorted(files.items()))


def space_requirements(pins: str, hardware: Hardware) -> str:
    """The pins of the repository, with those of the hardware in place of theirs."""
    own = hardware.requirements.splitlines(keepends=True)
    names = {line.partition("==")[0] for line in own}
    return "".join([*own, *(line for line in pins.splitlines(keepends=True) if line.partition("==")[0] not in names)])


def space_readme(readme: str, pins: str, hardware: Hardware, project: str = "") -> str:
    """The front matter of the repository's README, with the versions of the Space, and its introduction."""
    _, front, body = readme.split("---\n", 2)
    gradio = next(line.partition("==")[2] for line in pins.splitlines() if line.startswith("gradio=="))
    values = {"sdk_version": gradio, "python_version": f'"{hardware.python}"', "suggested_hardware": hardware.flavour}
    for key, value in values.items():
        front = re.sub(rf"^{key}: .*$", f"{key}: {value}", front, flags=re.MULTILINE)
    introduction = body.partition("\n## ")[0]
    link = f"[the project's repository]({project})" if project else "the project's repository"
    return f"---\n{front}---\n{introduction}{README_END.format(repository=link)}"


def _code(root: Path) -> list[str]:
    return [p.relative_to(root).as_posix() for p in (root / "nanogpt").rglob("*") if p.suffix in CODE]


def _checkpoints(root: Path) -> dict[str, bytes]:
    """The files of the checkpoints that git holds; of all checkpoints where there is no git."""
    folder = root / "checkpoints"
    held = _git(root, "ls-files", "--", "checkpoints")
    if held is None:
        names = sorted(p.parent.name for p in folder.glob(f"*/{CONFIG}"))
    else:
        names = sorted({Path(path).parts[1] for path in held if path.endswith(f"/{CONFIG}")})
        if changed := _git(root, "status", "--porcelain", "--", "checkpoints"):
            path = changed[0][3:]
            raise CheckpointError(
                f"{path} is not committed: commit it or remove it, so that the Space has what git has."
            )
    if not names:
        raise CheckpointError("There is no checkpoint in checkpoints/, so the page would be empty.")
    files: dict[str, bytes] = {}
    for name in names:
        read_model(folder / name)
        files |= {f"checkpoints/{name}/{file}": data for file, data in portable_files(folder / name).items()}
    return files


def _git(root: Path, *arguments: str) -> list[str] | None:
    """The lines that git prints, or None where there is no git or no repository."""
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout.splitlines()


def project_address(root: Path) -> str:
    """The address of the page of git's remote `origin`, or "" if it has none on the web."""
    (remote,) = _git(root, "remote", "get-url", "origin") or [""]
    found = re.fullmatch(r"(?:https://(?:[^/@]*@)?|git@|ssh://git@)([a-z0-9.-]+)[/:]([\w./-]+?)(?:\.git)?", remote)
    return f"https://{found[1]}/{found[2]}" if found else ""
