"""Checkpoints and Spaces to the Hub, over real HTTP: what arrives, and every failure a sentence of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import HubServer
from huggingface_hub import ModelCard

from nanogpt.storage.checkpoint import CONFIG, TOKENIZER, WEIGHTS, CheckpointError
from nanogpt.storage.hub import HubError, UnreachableError
from nanogpt.storage.hub.uploads import push, push_space

FILES = {"app.py": b"print()\n", "README.md": b"---\nlicense: mit\n---\n", "checkpoints/x/model.safetensors": b"\0\1"}
MADE_BY_THE_HUB = {".gitattributes"}


def test_a_push_makes_the_repository_then_updates_it(hub: HubServer, gpt: Path) -> None:
    (gpt / "state").mkdir()
    (gpt / "state" / "00000001.safetensors").write_bytes(b"only to resume")
    assert push(gpt, "alice/gpt", message="First") == (f"{hub.url}/alice/gpt", True)
    repo = hub.repositories["models", "alice/gpt"]
    assert set(repo.files) - MADE_BY_THE_HUB == {WEIGHTS, TOKENIZER, CONFIG, "README.md"}
    repo.files["analysis.json"], repo.files["notes.txt"] = b"of an earlier model", b"not ours"
    assert push(gpt, "alice/gpt") == (f"{hub.url}/alice/gpt", False)
    assert set(repo.files) - MADE_BY_THE_HUB == {WEIGHTS, TOKENIZER, CONFIG, "README.md", "notes.txt"}
    assert not repo.private


def test_the_card_goes_along_and_leads_to_the_code(hub: HubServer, gpt: Path) -> None:
    for readme in ("", "---\nlicense: mit\n---\n# Mine\n"):
        if readme:
            (gpt / "README.md").write_text(readme)
        for _ in range(2):
            push(gpt, "alice/gpt", project="https://example.org/code")
        card = hub.repositories["models", "alice/gpt"].files["README.md"].decode()
        assert card.count("Made with the code of https://example.org/code.") == 1
        assert ModelCard(card).data.license == ("mit" if readme else None)
        assert ("# Mine" if readme else "# gpt") in card


def test_a_push_next_to_another_is_one_repository(hub: HubServer, gpt: Path) -> None:
    """The repository is made between the question whether it is there and the answer: the Hub says 409."""
    push(gpt, "alice/gpt")
    hub.fault = "race"
    assert push(gpt, "alice/gpt").url == f"{hub.url}/alice/gpt"
    assert list(hub.repositories) == [("models", "alice/gpt")]


def test_a_private_repository(hub: HubServer, gpt: Path) -> None:
    push(gpt, "alice/secret", private=True)
    assert hub.repositories["models", "alice/secret"].private
    push(gpt, "alice/open")
    with pytest.raises(HubError, match="^alice/open exists and is public: make it private in its settings"):
        push(gpt, "alice/open", private=True)


def test_a_folder_without_a_model_is_not_sent(hub: HubServer, gpt: Path) -> None:
    (gpt / WEIGHTS).write_bytes((gpt / WEIGHTS).read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="digest"):
        push(gpt, "alice/gpt")
    assert not hub.repositories


@pytest.mark.parametrize("name", ["gpt", "alice/gpt\n", "alice/../gpt"])
def test_a_bad_name(name: str, hub: HubServer, gpt: Path) -> None:
    with pytest.raises(ValueError, match="A repository is named USER/REPO"):
        push(gpt, name)
    with pytest.raises(ValueError, match="A repository is named USER/REPO"):
        push_space(FILES, name, "cpu-basic")


def test_no_token(hub: HubServer, gpt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="^There is no token for the Hub: run `hf auth login`, or set HF_TOKEN"):
        push(gpt, "alice/gpt")
    assert not hub.repositories


def test_a_wrong_token(hub: HubServer, gpt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="^The Hub does not accept your token"):
        push(gpt, "alice/gpt")
    assert not hub.repositories


def test_a_token_without_the_right_to_write(hub: HubServer, gpt: Path) -> None:
    with pytest.raises(
        HubError, match="^Your token may not write to bob/gpt: it needs the permission to write for bob"
    ):
        push(gpt, "bob/gpt")


def test_a_hub_that_cannot_be_reached(hub: HubServer, gpt: Path, unreachable: Callable[[], str]) -> None:
    why = unreachable()
    with pytest.raises(UnreachableError) as error:
        push(gpt, "alice/gpt")
    assert str(error.value) == why


def test_a_hub_that_stores_nothing(hub: HubServer, gpt: Path) -> None:
    """An error while a file is sent comes from the library inside another one."""
    hub.fault = "no storage"
    with pytest.raises(HubError, match=r"^The Hub refuses alice/gpt with error 400: "):
        push(gpt, "alice/gpt")


def test_a_space_holds_exactly_the_given_files(hub: HubServer) -> None:
    assert push_space(FILES, "alice/page", "cpu-basic") == (f"{hub.url}/spaces/alice/page", True)
    space = hub.repositories["spaces", "alice/page"]
    assert {name: data for name, data in space.files.items() if name not in MADE_BY_THE_HUB} == FILES
    assert space.hardware == "cpu-basic"
    fewer = {name: data for name, data in FILES.items() if name != "app.py"}
    assert push_space(fewer, "alice/page", "zero-a10g") == (f"{hub.url}/spaces/alice/page", False)
    assert {name: data for name, data in space.files.items() if name not in MADE_BY_THE_HUB} == fewer
    assert space.hardware == "zero-a10g"


def test_a_space_for_which_the_hub_wants_a_plan(hub: HubServer) -> None:
    hub.fault = "402"
    with pytest.raises(HubError, match=r"^The Hub asks alice for a paid plan\..*--hardware zero-gpu"):
        push_space(FILES, "alice/page", "cpu-basic")
