"""What the documents and the settings beside the code say of it."""

import ast
import re
import shlex
from pathlib import Path

import pytest

import nanogpt

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "checkpoints/README.md")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_commit_hooks_run_what_the_test_command_runs() -> None:
    """Style and types with the same arguments; the tests outside the browser, without the figure of coverage."""
    script = read("tests/run.sh")
    commands = [
        shlex.split(line) for line in re.findall(r"^ *((?:ruff|mypy|python -m pytest) .*)", script, re.MULTILINE)
    ]
    wanted = [c for c in commands if c[0] != "python"]
    (tests,) = (c for c in commands if "not browser" in c)
    wanted.append([part for part in tests if not part.startswith("--cov")])
    hooks = [shlex.split(entry) for entry in re.findall(r"entry: (.*)", read(".pre-commit-config.yaml"))]
    assert [[word.removeprefix(".venv/bin/") for word in hook if word != "-q"] for hook in hooks] == wanted


def test_the_readme_s_tree_is_the_tree() -> None:
    """Every module and package stands in it, and nothing that is not there."""
    (tree,) = re.findall(r"```\n(app\.py .*?)```", read("README.md"), re.DOTALL)
    _, _, rest = tree.partition("nanogpt/\n")
    package, _, _ = rest.partition("\ncheckpoints/")
    said = set(re.findall(r"\b(\w+)(?=\.py|/)", package)) | set(re.findall(r"(?<=· )\w+|\w+(?= ·)", package))
    paths = [p for p in (ROOT / "nanogpt").rglob("*.py") if p.stem != "__main__"]
    there = {p.parent.name if p.stem == "__init__" else p.stem for p in paths} - {"nanogpt"}
    assert said - {"__init__"} == there


def test_the_change_log_begins_with_this_version() -> None:
    assert re.findall(r"^## \[(.*?)\]", read("CHANGELOG.md"), re.MULTILINE)[0] == nanogpt.__version__


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", read(name)) if "://" not in t]
    assert not [t for t in targets if not (folder / t).exists()]


def test_six_lines_of_the_readme_show_the_library() -> None:
    example, _ = re.findall(r"```python\n(.*?)```", read("README.md"), re.DOTALL)
    statements = [node for node in ast.parse(example).body if not isinstance(node, ast.Import)]
    assert len(statements) == len(example.partition("\n\n")[2].splitlines()) == 6
    shown = {n.attr for n in ast.walk(ast.parse(example)) if isinstance(n, ast.Attribute)}
    assert {"load", "generate", "score", "alternatives", "attention", "trace"} <= shown
