"""The shape of the code: one name for one job, short functions and files, nothing written twice, scripts in files."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nanogpt"
PYTHON = [*sorted(PACKAGE.rglob("*.py")), ROOT / "app.py", ROOT / "train.py"]
SCRIPTS = sorted(PACKAGE.rglob("*.js"))
SHEETS = sorted(PACKAGE.rglob("*.css"))

MAX_FUNCTION, MAX_FILE, MAX_TWICE = 60, 300, 5  # lines

# What may break a law, and why. An entry that is no longer needed fails a test.
# Exceptions to the laws below, each with its reason.
SAME_NAME: dict[str, str] = {}
LONG: dict[str, str] = {}
TWICE: dict[str, str] = {}
WITHOUT_TESTS: dict[str, str] = {
    "playground/theme.py": "colours and fonts, which tests/browser/test_page_look.py looks at in both modes",
    "training/errors.py": "one exception without behaviour",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if ROOT in path.parents else path.name


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# --- one name for one job ------------------------------------------------------------------------------------


def names_used_twice(paths: Iterable[Path]) -> set[str]:
    """Names of modules, and of public functions, classes and constants of modules, that stand for two things."""
    homes: dict[str, list[str]] = defaultdict(list)
    values: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        if path.stem not in ("__init__", "__main__"):
            homes[f"module {path.stem}"].append(name_of(path))
        for node in parsed(path).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                homes[node.name].append(name_of(path))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    for name in (n.id for n in ast.walk(target) if isinstance(n, ast.Name) and n.id.isupper()):
                        values[name].add(ast.dump(node.value))
    twice = {name for name, where in homes.items() if len(where) > 1 and not name.startswith("_")} - {"main"}
    return twice | {name for name, different in values.items() if len(different) > 1 and not name.startswith("_")}


def test_one_name_stands_for_one_thing() -> None:
    assert names_used_twice(PYTHON) == set(SAME_NAME)


def test_the_reader_of_names_sees_them(tmp_path: Path) -> None:
    for folder, body in (
        ("a", "def f(): ...\nN = 1\nM: int = 1\nK = 2"),
        ("b", "class f: ...\nN, _ = 2, 3\nM = 1\nk = 3"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.py").write_text(body)
    assert names_used_twice(tmp_path.rglob("*.py")) == {"module x", "f", "N"}


# --- tests beside their modules ------------------------------------------------------------------------------


def test_every_module_has_a_test_file_beside_it() -> None:
    """tests/ mirrors the package: nanogpt/text/prompt.py is tested by tests/text/test_prompt.py."""
    modules = [path.relative_to(PACKAGE) for path in PYTHON if PACKAGE in path.parents]
    named = [path for path in modules if path.stem not in ("__init__", "__main__")]
    missing = {p.as_posix() for p in named if not (ROOT / "tests" / p.with_name(f"test_{p.name}")).is_file()}
    assert missing == set(WITHOUT_TESTS)


# --- short functions and files -------------------------------------------------------------------------------


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Every function of a file with its number of lines. Scripts are read by their indentation."""
    if path.suffix == ".py":
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, (node.end_lineno or 0) - node.lineno + 1
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    for first, line in enumerate(lines):
        if re.search(r"(\bfunction\b|=>|^\s*(async |static )*(?!(if|for|while|switch|catch)\b)\w+\(.*\)).*\{$", line):
            indent = line[: len(line) - len(line.lstrip())]
            for last in range(first + 1, len(lines)):
                if lines[last].startswith(indent + "}"):
                    yield line.strip(), last - first + 1
                    break


def too_long(paths: Iterable[Path]) -> set[str]:
    """Files of more than MAX_FILE lines, and functions of more than MAX_FUNCTION."""
    found = set()
    for path in paths:
        if len(path.read_text(encoding="utf-8").splitlines()) > MAX_FILE:
            found.add(name_of(path))
        found |= {f"{name_of(path)}: {name}" for name, count in functions(path) if count > MAX_FUNCTION}
    return found


def test_functions_and_files_are_short() -> None:
    assert too_long([*PYTHON, *SCRIPTS]) == set(LONG)


def test_long_functions_and_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n" + "    x = 1\n" * MAX_FUNCTION + "def g():\n    y = 2\n" * 100)
    body = "  if (x) {\n    y();\n  }\n" * (MAX_FUNCTION // 3)
    (tmp_path / "b.js").write_text(
        f"function f() {{\n{body}}}\nconst g = (x) => {{\n{body}}};\nconst h = () => {{\n}};\n"
    )
    assert too_long(sorted(tmp_path.iterdir())) == {
        "a.py: f", "b.js: function f() {", "b.js: const g = (x) => {"
    }  # fmt: skip
    (tmp_path / "a.py").write_text("x = 1\n" * (MAX_FILE + 1))
    assert too_long([tmp_path / "a.py"]) == {"a.py"}


# --- nothing twice -------------------------------------------------------------------------------------------


def code_lines(path: Path) -> list[tuple[int, str]]:
    """The lines that say something, numbered, without their spacing: no comments, imports or lone punctuation."""
    lines = path.read_text(encoding="utf-8").splitlines()
    left_out: set[int] = set()
    if path.suffix == ".py":
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                left_out |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    said = [(i, " ".join(line.split())) for i, line in enumerate(lines, start=1) if i not in left_out]
    comment = ("#",) if path.suffix == ".py" else ("//", "/*", "*", "import ")
    return [(i, line) for i, line in said if re.search(r"\w", line) and not line.startswith(comment)]


def runs_twice(paths: Iterable[Path]) -> list[str]:
    """Where more than MAX_TWICE lines in a row stand that stand elsewhere too, as "first place = second place"."""
    seen: dict[tuple[str, ...], tuple[Path, int]] = {}
    found = []
    for path in paths:
        lines = code_lines(path)
        for k in range(len(lines) - MAX_TWICE):
            run = tuple(line for _, line in lines[k : k + MAX_TWICE + 1])
            if run in seen:
                other, at = seen[run]
                if other != path or k - at > MAX_TWICE:  # a run is not its own repetition
                    found.append(f"{name_of(other)} = {name_of(path)}:{lines[k][0]}")
            else:
                seen[run] = (path, k)
    return found


def test_nothing_is_written_twice() -> None:
    found = runs_twice([*PYTHON, *SCRIPTS, *SHEETS])
    assert {place.rpartition(":")[0] for place in found} == set(TWICE), found


def test_what_is_written_twice_is_found(tmp_path: Path) -> None:
    lines = [f"x{i} = {i}" for i in range(MAX_TWICE + 1)]
    (tmp_path / "a.py").write_text("import os\n" + "\n".join(lines))
    (tmp_path / "b.py").write_text("import re\nif y:\n    " + "\n    # a comment\n\n    ".join(lines))
    assert runs_twice(sorted(tmp_path.iterdir())) == ["a.py = b.py:3"]
    (tmp_path / "b.py").write_text("\n".join(lines[1:]))
    assert not runs_twice(sorted(tmp_path.iterdir()))
    (tmp_path / "a.py").write_text("\n".join(lines * 2))
    assert runs_twice([tmp_path / "a.py"]) == [f"a.py = a.py:{MAX_TWICE + 2}"]


# --- scripts in files ----------------------------------------------------------------------------------------


def holds_script(path: Path) -> bool:
    """Does a string of this module hold a JavaScript function?"""
    strings = (n.value for n in ast.walk(parsed(path)) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return any(re.search(r"=>|\bfunction\s*\w*\s*\(.*\)\s*\{", text) for text in strings)


def test_no_script_stands_in_python() -> None:
    assert not [name_of(path) for path in PYTHON if holds_script(path)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('js = "() => 1"', True),
        ('js = f"(x) => {y}"', True),
        ('js = """function f(x) { return x; }"""', True),
        ('js = "function (x) {}"', True),
        ('x = "a function of (x)"', False),
        ("# x => y\nx = a >= b", False),
    ],
)
def test_a_script_in_python_is_found(body: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(body)
    assert holds_script(tmp_path / "a.py") is found
