"""What the app offers: local checkpoints whatever the network does, and repositories that the operator names."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import HubServer
from server import Server

import app
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import save
from nanogpt.storage.hub.uploads import push
from nanogpt.storage.zoo import Zoo
from nanogpt.text.tokenizer import CharTokenizer

Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, tiny: Callable[..., LanguageModel], monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder has two checkpoints."""
    for kind in ("bigram", "gpt"):
        save(tmp_path / "here" / "checkpoints" / kind, tiny(kind), CharTokenizer("\nabcdefghij"))
    monkeypatch.chdir(tmp_path / "here")


def names(zoo: Zoo) -> list[str]:
    zoo.refresh()
    return zoo.names


def test_repositories_stand_beside_folders(hub: HubServer, capsys: Output) -> None:
    push("checkpoints/gpt", "alice/gpt")
    capsys.readouterr()
    zoo = app.offered(["checkpoints", "alice/gpt", "alice/gpt@main"])
    assert names(zoo) == ["bigram", "gpt", "alice/gpt", "alice/gpt@main"]
    assert zoo.get("alice/gpt").parameters == zoo.get("gpt").parameters
    assert "note" not in capsys.readouterr().err
    assert names(app.offered(["checkpoints/gpt"])) == ["gpt"]


def test_the_page_starts_on_local_checkpoints_whatever_the_hub_does(
    hub: HubServer, capsys: Output, unreachable: Callable[[], str]
) -> None:
    why = unreachable()
    assert names(app.offered(["checkpoints", "alice/gpt"])) == ["bigram", "gpt"]
    note = f"note: alice/gpt is not a folder here. {why}\n"
    assert capsys.readouterr().err == note
    assert names(app.offered(["alice/gpt"])) == ["bigram", "gpt"]
    assert capsys.readouterr().err == f"{note}note: The page offers the models of checkpoints/ instead.\n"


def test_an_earlier_download_serves_while_the_hub_is_away(
    hub: HubServer, capsys: Output, unreachable: Callable[[], str]
) -> None:
    push("checkpoints/gpt", "alice/gpt")
    app.offered(["alice/gpt"])
    why = unreachable()
    capsys.readouterr()
    assert names(app.offered(["alice/gpt"])) == ["alice/gpt"]
    assert capsys.readouterr().err == f"note: {why} An earlier download of alice/gpt is used.\n"


def test_a_revision_that_cannot_be_one_is_refused(hub: HubServer, capsys: Output) -> None:
    with pytest.raises(SystemExit):
        app.main(["--models", "alice/gpt@../x"])
    assert "A revision is a branch, a tag or a commit" in capsys.readouterr().err


def test_the_app_answers_without_a_network(tmp_path: Path) -> None:
    """A process of its own, with a Hub that refuses every connection and an empty cache."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    away = f"import os, sys; os.environ.update(HF_ENDPOINT={url!r}, HF_HOME={str(tmp_path / 'home')!r})"
    server = Server(Path("checkpoints").resolve(), tmp_path / "log", f"{away}; sys.argv.append('alice/gpt')")
    server.stop()
    assert f"note: alice/gpt is not a folder here. The Hub ({url}) cannot be reached." in server.log.read_text()


def test_a_taken_port_is_said() -> None:
    """Once, it was a traceback."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = str(busy.getsockname()[1])
        command = [sys.executable, str(Path(app.__file__)), "--port", taken]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    expected = f"error: port {taken} is taken: choose another with --port\npython app.py --help lists all options.\n"
    assert done.stderr == expected
