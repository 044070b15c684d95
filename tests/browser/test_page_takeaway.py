"""The same run from the page, from the API, from the command line, and from what the page offers to copy."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Api, Visit
from server import REPOSITORY, Server
from visitor import text_of, texts

pytestmark = pytest.mark.browser

PROMPT = 'It\'s "so" \\ $HOME `x`\nROMEO:\n'
RUN = {"prompt": PROMPT, "temperature": 0.75, "top_k": 40, "top_p": 0.9, "seed": 11}


def test_page_api_and_commands_write_the_same(visit: Visit, api: Api, shell: Callable[..., str]) -> None:
    page = visit(characters=150, **RUN)
    written = text_of(page, 2)
    assert written == api("/sample", model="gpt", max_new_tokens=150, **RUN)

    page.get_by_role("button", name="Take it away").click()
    command = page.locator("#command textarea").input_value()
    prompt = page.locator("#side_2 .prompt").evaluate("node => node.textContent")
    assert shell(command) == prompt + written + "\n"

    code = page.locator("#api_call textarea").input_value()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(written + "\n")

    page.locator("#copy_text").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text !== '')")
    assert page.evaluate("navigator.clipboard.readText()") == prompt + written


def test_the_readme_s_examples_run(server: Server, api: Api) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    load, call = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    for code in (load, call.replace("http://127.0.0.1:7860", server.url)):
        done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(api("/sample", model="gpt", prompt="ROMEO:\n", max_new_tokens=100) + "\n")


def test_the_trace_holds_every_step(visit: Visit, tmp_path: Path) -> None:
    page = visit(characters=30)
    page.get_by_role("button", name="Take it away").click()
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert trace["text"] == texts(page)[1]
    assert [step["char"] for step in trace["steps"]] == list(trace["text"])
    for step in trace["steps"]:
        assert abs(sum(step["kept"]) - 1) < 1e-4
        assert len(step["noise"]) == len(step["p"]) == len(trace["vocabulary"])
