"""Executes notebooks and writes their outputs into them.

python tests/notebook_outputs.py notebooks/*.ipynb                 records the outputs anew, as in Jupyter
python tests/notebook_outputs.py --short --cwd . --to DIR FILE...  a short run in this folder, written to DIR
"""

import argparse
import os
import re
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

TIMEOUT = 600  # seconds for one cell
# What the cell with the tag "parameters" holds in a short run: enough to reach every line.
SHORT = {"BIGRAM_STEPS": 20, "GPT_STEPS": 3, "CHARACTERS": 20, "PASSAGE": 100, "WINDOWS": 2}


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters(notebook: NotebookNode) -> NotebookNode:
    """The one cell with the sizes of a run."""
    (cell,) = (cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", []))
    return cell


def shorten(notebook: NotebookNode) -> None:
    """Replace the sizes of a run by small ones, in place. A name without a small value stays as it is."""
    cell = parameters(notebook)
    for name, value in SHORT.items():
        cell.source = re.sub(rf"^{name} = \S+", f"{name} = {value}", cell.source, flags=re.MULTILINE)


def execute(notebook: NotebookNode, cwd: Path) -> None:
    """Run all cells in a new process, in place; the first error ends it. Keeps nothing of when and where it ran."""
    # Whatever the environment of the caller says, figures become pictures in the notebook.
    env = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(cwd)}},
        coalesce_streams=True,
        record_timing=False,
    )
    client.execute(env=env)
    notebook.metadata = {key: notebook.metadata[key] for key in ("kernelspec", "language_info")}
    notebook.metadata.language_info = {"name": "python"}  # without the version of this machine


def main() -> None:
    parser = argparse.ArgumentParser(description="Execute notebooks and write their outputs into them.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--short", action="store_true", help="with the sizes of a test")
    parser.add_argument("--cwd", type=Path, help="folder in which the cells run; default: that of the notebook")
    parser.add_argument("--to", type=Path, help="folder to write to; default: the notebook itself is replaced")
    args = parser.parse_args()
    for path in args.files:
        notebook = nbformat.read(path, as_version=4)
        if args.short:
            shorten(notebook)
        execute(notebook, args.cwd or path.parent)
        nbformat.write(notebook, (args.to or path.parent) / path.name)


if __name__ == "__main__":
    main()
