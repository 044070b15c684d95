"""Which package may import which, and what may not stand in the code at all."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nanogpt"

# Which package may import which, beside itself. A name with a dot is a single module.
MAY_IMPORT: dict[str, set[str]] = {
    "checks": set(),
    "device": set(),
    "options": {"checks"},
    "text": {"checks"},
    "models": {"checks"},
    "generation": {"checks", "text", "models"},
    "storage": {"checks", "text", "models", "generation"},
    "analysis": {"checks", "text", "models", "generation", "storage"},
    "publish": {"storage"},
    "training": {"checks", "device", "text", "models", "generation", "storage", "analysis.score"},
    "bench": {"device", "models", "generation", "training"},
    "playground": {"checks", "text", "models", "generation", "analysis", "storage"},
    "cli": {
        "checks",
        "options",
        "device",
        "text",
        "models",
        "generation",
        "analysis",
        "storage",
        "training",
        "bench",
        "publish",
    },
}
# What people call: the entry points, and the face of the package.
ENTRY_POINTS = {"__init__", "__main__", "app", "train"}
SOURCES = [*sorted(PACKAGE.rglob("*.py")), ROOT / "app.py", ROOT / "train.py"]


def room_of(path: Path) -> str:
    return (path.relative_to(PACKAGE).parts[0] if PACKAGE in path.parents else path.name).removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too, as a full dotted name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import hides its package"
            module = node.module or ""
            names = (f"{module}.{alias.name}" for alias in node.names)
            yield from (name if module == "nanogpt" or is_module(name) else module for name in names)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def calls_of(path: Path, name: str) -> list[int]:
    """The lines on which a dotted name stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n) == name]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_follow_the_table(path: Path) -> None:
    room = room_of(path)
    if room in ENTRY_POINTS:
        return
    assert room in MAY_IMPORT, f"{room} does not stand in the table"
    for module in imports(path):
        package, _, name = module.partition(".")
        other = name.split(".")[0]
        if package == "nanogpt" and other != room:
            assert name in MAY_IMPORT[room] or other in MAY_IMPORT[room], f"{name_of(path)} imports {module}"


def test_every_row_of_the_table_stands_for_code() -> None:
    assert set(MAY_IMPORT) == {room_of(path) for path in SOURCES} - ENTRY_POINTS


def test_the_import_reader_sees_every_form(tmp_path: Path) -> None:
    """The law above would be vacuous if the reader overlooked a way to import."""
    path = tmp_path / "x.py"
    path.write_text(
        "import a.b\nfrom nanogpt import c\nfrom nanogpt.text import prompt\ndef f():\n    from nanogpt.d import e\n"
    )
    assert list(imports(path)) == ["a.b", "nanogpt.c", "nanogpt.text.prompt", "nanogpt.d"]


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("gradio", {"playground", "app"}),
        ("starlette", {"playground"}),
        ("huggingface_hub", {"storage"}),
        ("httpx2", {"storage"}),
        ("matplotlib", {"training"}),
        ("pickle", {"storage"}),
        ("marshal", set()),
        ("shelve", set()),
    ],
)
def test_libraries_have_their_rooms(library: str, rooms: set[str]) -> None:
    found = {room_of(p) for p in SOURCES if library in {m.split(".")[0] for m in imports(p)}}
    assert found <= rooms


@pytest.mark.parametrize(
    ("name", "rooms"),
    [("torch.manual_seed", {"training"}), ("torch.seed", set()), ("torch.load", {"storage"}), ("torch.save", set())],
)
def test_names_that_only_some_may_use(name: str, rooms: set[str]) -> None:
    assert {room_of(p) for p in SOURCES if calls_of(p, name)} <= rooms


def test_only_one_module_reads_pickles() -> None:
    """Those of nanoGPT, and none of their code is run."""
    reading = {p for p in SOURCES if "pickle" in set(imports(p)) or calls_of(p, "torch.load")}
    assert {p.name for p in reading} == {"from_nanogpt.py"}
    (path,) = reading
    assert path.read_text(encoding="utf-8").count("torch.load(") == 1
    assert "weights_only=True" in path.read_text(encoding="utf-8")
    assert not calls_of(path, "pickle.load") + calls_of(path, "pickle.loads")


def test_every_import_is_pinned() -> None:
    pinned = {line.partition("==")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()}
    outside = {m.split(".")[0] for p in SOURCES for m in imports(p)} - set(sys.stdlib_module_names) - {"nanogpt"}
    # starlette and anyio come with gradio and httpx2 with huggingface_hub, which say which one they need; matplotlib is
    # for who asks for a plot
    assert outside - {"starlette", "anyio", "httpx2", "matplotlib"} <= pinned


def test_only_one_package_knows_the_hub() -> None:
    knowing = {p for p in SOURCES if {"huggingface_hub", "httpx2"} & {m.split(".")[0] for m in imports(p)}}
    assert {p.parent for p in knowing} == {PACKAGE / "storage" / "hub"}


def test_pins_are_exact() -> None:
    for path in (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"):
        for line in path.read_text().splitlines():
            assert line.startswith("-r ") or line.count("==") == 1, f"{path.name}: {line}"


def test_no_template_of_gradio_is_filled_with_text() -> None:
    """gr.HTML runs what stands in double braces through a template engine, and that as code."""
    for path in (PACKAGE / "playground").rglob("*"):
        if path.suffix in (".py", ".js", ".css", ".html"):
            assert "{" * 2 not in path.read_text(encoding="utf-8"), name_of(path)


def test_the_space_installs_the_pinned_gradio() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("no README.md")
    wanted = next(line for line in (ROOT / "requirements.txt").read_text().split() if line.startswith("gradio=="))
    front = readme.read_text(encoding="utf-8").split("---")[1]
    assert f"sdk_version: {wanted.partition('==')[2]}" in [line.replace('"', "").strip() for line in front.splitlines()]


def test_no_file_is_too_large_for_a_plain_push() -> None:
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git repository")
    large = [f for f in listed.stdout.splitlines() if (ROOT / f).is_file() and (ROOT / f).stat().st_size >= 10_000_000]
    assert not large
