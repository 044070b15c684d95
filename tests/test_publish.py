"""push, pull and deploy as people type them, against the tests' hub."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import TOKEN, HubServer
from huggingface_hub import constants
from repository import ORIGINAL, git, small_copy

from nanogpt import publish
from nanogpt.cli import answer_errors, main
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import WEIGHTS, save
from nanogpt.text.tokenizer import CharTokenizer

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, tiny: Callable[..., LanguageModel], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository to deploy, which is the current folder."""
    root = small_copy(tmp_path / "repository", tiny)
    monkeypatch.setattr(publish, "ROOT", root)
    monkeypatch.chdir(root)
    return root


def refusal(capsys: Output, *words: str) -> str:
    capsys.readouterr()
    assert answer_errors(main, [*words]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()[-1]


def test_push_pull_and_sample_through_processes_of_their_own(hub: HubServer, tmp_path: Path) -> None:
    """The whole way, as people walk it: HF_ENDPOINT is read when the Hub's library is imported."""
    env = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    code = "import sys; from nanogpt.cli import main; sys.exit(max(main(words.split()) for words in sys.argv[1:]))"
    words = ["push checkpoints/gpt alice/gpt", "pull alice/gpt --into pulled", "sample --model alice/gpt --prompt abc"]
    ran = subprocess.run(
        [sys.executable, "-c", code, *words, words[2].replace("alice/gpt", "gpt")],
        env={**os.environ, **env, "PYTHONPATH": str(ORIGINAL)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    made, folder, *texts = ran.stdout.splitlines()
    assert (made, folder) == (f"made {hub.url}/alice/gpt", "pulled")
    assert texts[: len(texts) // 2] == texts[len(texts) // 2 :]
    for path in Path("checkpoints/gpt").iterdir():
        assert (Path("pulled") / path.name).read_bytes() == path.read_bytes()


def test_push_says_whether_the_repository_is_new(hub: HubServer, repository: Path, capsys: Output) -> None:
    git(repository, "remote", "add", "origin", "https://example.org/alice/code")
    for said in ("made", "updated"):
        assert main(["push", "checkpoints/gpt", "alice/gpt", "--private", "--message", "Mine"]) == 0
        assert capsys.readouterr().out == f"{said} {hub.url}/alice/gpt\n"
    assert hub.repositories["models", "alice/gpt"].private
    assert b"https://example.org/alice/code" in hub.repositories["models", "alice/gpt"].files["README.md"]


def test_pull_fills_a_folder_that_the_page_offers(hub: HubServer, capsys: Output) -> None:
    main(["push", "checkpoints/gpt", "alice/mine"])
    weights = Path("checkpoints/gpt", WEIGHTS).read_bytes()
    capsys.readouterr()
    assert main(["pull", "alice/mine@main"]) == 0
    assert capsys.readouterr().out == "checkpoints/mine\n"
    assert Path("checkpoints/mine", WEIGHTS).read_bytes() == weights


def test_pull_does_not_overwrite_unasked(hub: HubServer, capsys: Output, tiny: Callable[..., LanguageModel]) -> None:
    main(["push", "checkpoints/gpt", "alice/gpt"])
    save("checkpoints/gpt", tiny("gpt", seed=1), CharTokenizer("\nabcdefghij"))
    mine = Path("checkpoints/gpt", WEIGHTS).read_bytes()
    assert refusal(capsys, "pull", "alice/gpt").endswith("or replace it with --overwrite.")
    assert Path("checkpoints/gpt", WEIGHTS).read_bytes() == mine
    Path("checkpoints/gpt/state").mkdir()
    assert main(["pull", "alice/gpt", "--overwrite"]) == 0
    assert Path("checkpoints/gpt", WEIGHTS).read_bytes() != mine
    assert not Path("checkpoints/gpt/state").exists()  # of the run of another model
    Path("checkpoints/gpt/state").mkdir()
    assert main(["pull", "alice/gpt", "--overwrite"]) == 0
    assert Path("checkpoints/gpt/state").exists()  # of the run of this one


def test_pull_says_that_it_used_an_earlier_download(
    hub: HubServer, capsys: Output, unreachable: Callable[[], str]
) -> None:
    main(["push", "checkpoints/gpt", "alice/gpt"])
    main(["pull", "alice/gpt", "--into", "first"])
    why = unreachable()
    capsys.readouterr()
    assert main(["pull", "alice/gpt", "--into", "second"]) == 0
    assert capsys.readouterr() == ("second\n", f"note: {why} An earlier download of alice/gpt is used.\n")


@pytest.mark.parametrize("hardware", ["zero-gpu", "cpu-basic"])
def test_a_space_holds_exactly_what_the_dry_run_shows(hardware: str, hub: HubServer, capsys: Output) -> None:
    command = ["deploy", "alice/page", "--hardware", hardware]
    assert main([*command, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert not hub.repositories
    assert main(command) == 0
    assert capsys.readouterr().out == f"made {hub.url}/spaces/alice/page\n"
    files = hub.repositories["spaces", "alice/page"].files
    del files[".gitattributes"]  # which the Hub itself puts into each repository
    listed = {
        name: int(size.replace(",", "")) for size, name in re.findall(r"^ *([\d,]+)  (\S+)$", shown, re.MULTILINE)
    }
    assert listed == {name: len(data) for name, data in files.items()}
    assert f"{sum(map(len, files.values())):,}  bytes in {len(files)} files" in shown
    assert f"requirements.txt\n\n{files['requirements.txt'].decode()}\n" in shown
    assert f"---\n{files['README.md'].decode().split('---')[1].lstrip()}---\n" in shown


def test_a_dry_run_contacts_nobody_and_needs_no_token(
    hub: HubServer, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    assert main(["deploy", "alice/page", "--dry-run"]) == 0
    assert "checkpoints/gpt/model.safetensors" in capsys.readouterr().out


def test_each_refusal_is_one_sentence(hub: HubServer, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["deploy", "page"], ["push", "checkpoints/gpt", "gpt"], ["pull", "gpt"], ["deploy", "a/b\n"]):
        assert refusal(capsys, *words).startswith("error: A repository is named USER/REPO")
    assert refusal(capsys, "pull", "alice/none").startswith("error: There is no repository alice/none on the Hub")
    assert "No such file" in refusal(capsys, "push", "checkpoints/none", "alice/gpt")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert refusal(capsys, "deploy", "alice/page").startswith("error: The Hub does not accept your token.")
    monkeypatch.delenv("HF_TOKEN")
    assert refusal(capsys, "deploy", "alice/page").startswith("error: There is no token for the Hub")
    Path("checkpoints/gpt", WEIGHTS).write_bytes(b"changed")
    assert "checkpoints/gpt/model.safetensors is not committed" in refusal(capsys, "deploy", "alice/page")
    assert not hub.repositories
