"""The notebooks run from top to bottom, offline, and their outputs are committed and small.

Here they run shortened, on a stand-in for the corpus if NANOGPT_DATA names no file. This runs them in full, within
their five minutes:

    NANOGPT_DATA=FILE NANOGPT_NOTEBOOKS=full python -m pytest tests/test_notebooks.py
"""

import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FULL = os.environ.get("NANOGPT_NOTEBOOKS") == "full"
MAX_SIZE = 400_000  # bytes of a notebook with its outputs
MAX_TIME = 300  # seconds of both notebooks
# What only a full run can show, checked in a last cell.
RESULTS = {
    "from_bigram_to_gpt": "assert abs(bigram_loss - counted_there) < 0.02\nassert gpt_loss < bigram_loss - 0.4",
    "look_inside": "assert len(rows) == 64\nassert abs(measured - figures.bits) < 1e-3",
}


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def outputs(path: Path) -> list[NotebookNode]:
    return [output for cell in code_cells(path) for output in cell.outputs]


def missing_outputs(path: Path) -> list[str]:
    """Code cells that print without an output, or plot without a picture."""
    found = []
    for cell in code_cells(path):
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        prints = re.search(r"^(for .*:\n(    .*\n)*    )?print\(", cell.source, re.MULTILINE)
        if (prints and not cell.outputs) or ("plt.show()" in cell.source and not pictures):
            found.append(cell.source)
    return found


@pytest.fixture
def corpus_file(tmp_path: Path) -> Path:
    """The corpus, or a text with its vocabulary and with something to learn in it."""
    if "NANOGPT_DATA" in os.environ:
        return Path(os.environ["NANOGPT_DATA"]).absolute()
    if FULL:
        pytest.skip("A full run needs the corpus in NANOGPT_DATA.")
    vocabulary = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    words = ["to be ", "or not ", "the sea,", " quite\n", "sleep. ", "time "]
    path = tmp_path / "corpus.txt"
    path.write_text(vocabulary + "".join(random.Random(1).choices(words, k=40_000)), encoding="utf-8")
    return path


def run(path: Path, folder: Path, corpus_file: Path) -> Path:
    """The notebook executed in `folder`, by a new process that runs in the repository's root and reaches no network."""
    notebook = read(path)
    if FULL:
        notebook.cells.append(nbformat.v4.new_code_cell(RESULTS[path.stem]))
    nbformat.write(notebook, folder / path.name)
    nowhere = "http://127.0.0.1:9"  # the discard port: nothing listens there
    env = os.environ | {
        "NANOGPT_DATA": str(corpus_file),
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "IPYTHONDIR": str(folder),
        **({} if FULL else {"OMP_NUM_THREADS": "1"}),  # as in all tests that run beside others
    }
    command = [sys.executable, str(ROOT / "tests" / "notebook_outputs.py"), "--cwd", str(ROOT)]
    command += [*([] if FULL else ["--short"]), str(folder / path.name)]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    return folder / path.name


def test_both_notebooks_are_there() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(RESULTS)


def test_notebooks_run_from_top_to_bottom(tmp_path: Path, corpus_file: Path) -> None:
    """The command fails at the first cell with an error."""
    start = time.monotonic()
    for path in NOTEBOOKS:
        executed = run(path, tmp_path, corpus_file)
        assert not missing_outputs(executed)
        assert not [output for output in outputs(executed) if output.output_type == "error"]
    assert time.monotonic() - start < MAX_TIME


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_committed_and_small(path: Path) -> None:
    """They are those of one run from top to bottom: the cells are numbered from 1."""
    assert path.stat().st_size <= MAX_SIZE
    assert not missing_outputs(path)
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert {output.output_type for output in outputs(path)} <= {"stream", "display_data"}
    assert {output.name for output in outputs(path) if output.output_type == "stream"} == {"stdout"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_tell_nothing_of_the_machine_on_which_they_ran(path: Path) -> None:
    notebook = read(path)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
    said = "".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs(path))
    assert not re.findall(r"/(?:home|root|tmp|work|usr|Users)/|[A-Z]:\\|0x[0-9a-f]{6}|site-packages", said)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_text_stands_before_every_section_and_the_sizes_in_one_cell(path: Path) -> None:
    cells = read(path).cells
    assert cells[0].cell_type == "markdown"
    (sizes,) = (cell.source for cell in cells if "parameters" in cell.metadata.get("tags", []))
    assert all(re.fullmatch(r"[A-Z_]+ = \d+( .*)?", line) for line in sizes.splitlines())
    sections = [re.findall(r"^## (\d+)\. ", c.source, re.MULTILINE) for c in cells if c.cell_type == "markdown"]
    numbers = [int(n) for found in sections for n in found]
    assert numbers == list(range(1, len(numbers) + 1))
