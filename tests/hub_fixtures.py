"""The hub of the tests, a client that knows no other, and a checkpoint to send."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest
from hub_server import TOKEN, HubServer
from huggingface_hub import constants

from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import save
from nanogpt.storage.hub import downloads, uploads
from nanogpt.text.tokenizer import CharTokenizer


@pytest.fixture(scope="session")
def hub_process() -> Iterator[HubServer]:
    server = HubServer()
    yield server
    server.stop()


@pytest.fixture
def hub(hub_process: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """An empty hub, and this process as its client: an empty cache and a good token."""
    hub_process.repositories.clear()
    hub_process.fault = ""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    values = {"HF_TOKEN_PATH": str(tmp_path / "token"), "HF_HUB_CACHE": str(tmp_path / "cache")}
    for name, value in {**values, "HF_HUB_DISABLE_XET": True}.items():
        monkeypatch.setattr(constants, name, value)
    point_to(hub_process.url, monkeypatch)
    yield hub_process
    huggingface_hub.close_session()


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does before the library is imported."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")


@pytest.fixture(params=["slow", "503", "down", "offline"])
def unreachable(request: pytest.FixtureRequest, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """unreachable() → what is said of the hub: from now on it is slow, down in one of two ways, or not to be asked."""

    def break_off() -> str:
        if request.param == "slow":
            monkeypatch.setattr(downloads, "ANSWER_SECONDS", 0.2)
            monkeypatch.setattr(uploads, "ANSWER_SECONDS", 0.2)
            hub.fault = "slow"
            return f"The Hub ({hub.url}) is too slow: no answer in time."
        if request.param == "offline":
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
            return "HF_HUB_OFFLINE is set, so the Hub was not asked for alice/gpt."
        if request.param == "503":
            hub.fault = "503"
            return f"The Hub ({hub.url}) is down: it answers with error 503."
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        point_to(url, monkeypatch)
        return f"The Hub ({url}) cannot be reached."

    return break_off


@pytest.fixture
def gpt(tmp_path: Path, tiny: Callable[..., LanguageModel]) -> Path:
    """A checkpoint folder."""
    save(tmp_path / "gpt", tiny("gpt"), CharTokenizer("\nabcdefghij"))
    return tmp_path / "gpt"
