"""What the documents beside the code say of it."""

import ast
import re
from pathlib import Path

import pytest

import nanogpt

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "checkpoints/README.md")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_s_tree_is_the_tree() -> None:
    """Every package and every module beside them stands in it, and nothing that is not there."""
    tree = read("README.md").partition("\nnanogpt/\n")[2].partition("\ncheckpoints/")[0]
    there = {f"{p.name}/" if p.is_dir() else p.name for p in (ROOT / "nanogpt").iterdir()}
    assert set(re.findall(r"^  (\S+)", tree, re.MULTILINE)) == {n for n in there if not n.startswith("__")}


def test_eight_lines_of_the_readme_show_the_library() -> None:
    example = re.findall(r"```python\n(.*?)```", read("README.md"), re.DOTALL)[0]
    assert len(example.partition("\n\n")[2].splitlines()) == 8
    shown = {node.attr for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Attribute)}
    assert {"load", "generate", "score", "alternatives", "attention", "trace", "votes", "without"} <= shown


def test_the_change_log_begins_with_this_version() -> None:
    assert re.findall(r"^## \[(.*?)\]", read("CHANGELOG.md"), re.MULTILINE)[0] == nanogpt.__version__


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_of_documents_lead_to_files(name: str) -> None:
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", read(name)) if "://" not in t]
    assert not [t for t in targets if not ((ROOT / name).parent / t).exists()]
