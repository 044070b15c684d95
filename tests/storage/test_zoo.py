"""The folder of checkpoints as people use it: order, replacement, and folders that do not load."""

import copy
import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

import nanogpt
from nanogpt.models.base import LanguageModel
from nanogpt.models.packed import PackedLinear
from nanogpt.storage import zoo as module
from nanogpt.storage.checkpoint import CONFIG, WEIGHTS, CheckpointError, read_model, save
from nanogpt.storage.zoo import Zoo, load
from nanogpt.text.tokenizer import CharTokenizer

CHARS, OTHERS = CharTokenizer("\nabcdefghij"), CharTokenizer("\nklmnopqrst")


@pytest.fixture
def add(tmp_path: Path, tiny: Callable[..., LanguageModel]) -> Callable[..., Path]:
    """add("gpt", name="mine", seed=1) → a new checkpoint folder, or new files in an old one."""

    def write(variant: str, name: str = "", tokenizer: CharTokenizer = CHARS, seed: int = 0) -> Path:
        folder = tmp_path / "zoo" / (name or variant)
        save(folder, tiny(variant, seed), tokenizer)
        return folder

    return write


@pytest.fixture
def zoo(tmp_path: Path, reported: list[str], monkeypatch: pytest.MonkeyPatch) -> Zoo:
    monkeypatch.setattr(module, "SETTLED", -1)  # the clocks of a file system and of a process may differ
    (tmp_path / "zoo").mkdir()
    return Zoo(tmp_path / "zoo", report=reported.append)


@pytest.fixture
def reported() -> list[str]:
    """What the operator was told."""
    return []


def weight(model: LanguageModel) -> torch.Tensor:
    return next(model.parameters())


def test_models_stand_in_the_order_of_the_table_then_by_name(
    zoo: Zoo, add: Callable[..., Path], reported: list[str]
) -> None:
    for name in ("zebra", "gpt", "apple", "bigram", "mlp"):
        add(name if name in ("gpt", "bigram", "mlp") else "gpt", name)
    add("gpt", ".hidden")
    (zoo.root / "README.md").write_text("not a folder")
    zoo.refresh()
    assert zoo.names == ["bigram", "mlp", "gpt", "apple", "zebra"]
    assert zoo.choices[-2:] == [("GPT (apple)", "apple"), ("GPT (zebra)", "zebra")]
    assert (zoo.notice, reported) == ("", [])


@pytest.mark.parametrize("exists", [True, False])
def test_a_root_without_models_says_how_to_train_one(exists: bool, tmp_path: Path) -> None:
    root = tmp_path / "nothing"
    if exists:
        root.mkdir()
    zoo = Zoo(root)
    zoo.refresh()
    assert zoo.names == zoo.choices == []
    assert zoo.notice == "No checkpoints in nothing/. Train some with: python train.py"
    with pytest.raises(ValueError, match="Unknown model gpt; the models are none"):
        zoo.get("gpt")


def test_new_files_are_loaded_and_old_ones_are_not_read_again(zoo: Zoo, add: Callable[..., Path]) -> None:
    add("gpt")
    zoo.refresh()
    first = zoo.get("gpt")
    zoo.refresh()
    assert zoo.get("gpt") is first
    held = copy.deepcopy(weight(first.model))
    add("gpt", seed=1)
    zoo.refresh()
    assert zoo.get("gpt") is not first
    assert not torch.equal(weight(zoo.get("gpt").model), held)
    assert torch.equal(weight(first.model), held)  # whoever holds the old one keeps it


def test_a_new_model_is_served_without_a_refresh(zoo: Zoo, add: Callable[..., Path]) -> None:
    """A replacement was noticed only when a page was opened."""
    add("gpt")
    zoo.refresh()
    first = zoo.get("gpt")
    add("gpt", seed=1)
    assert not torch.equal(weight(zoo.get("gpt").model), weight(first.model))


def test_a_model_is_loaded_when_it_is_first_used(
    zoo: Zoo, add: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("bigram", "mlp", "gpt"):
        add(kind)
    read: list[str] = []
    monkeypatch.setattr(module, "load", lambda folder: (read.append(folder.name), load(folder))[1])
    zoo.refresh()
    outline = zoo.outline("gpt")
    assert (zoo.names, zoo.choices[0]) == (["bigram", "mlp", "gpt"], ("Bigram", "bigram"))
    assert {p.device.type for p in outline.model.parameters()} == {"meta"}
    assert read == []
    assert zoo.get("bigram") is zoo.get("bigram")
    assert read == ["bigram"]
    loaded = zoo.get("gpt")
    assert read == ["bigram", "gpt", "mlp"]  # and what drafts for it
    for name in ("name", "folder", "title", "parameters", "block_size", "kind"):
        assert getattr(outline, name) == getattr(loaded, name)


def test_a_folder_that_does_not_load_is_reported_and_the_others_stay(
    zoo: Zoo, add: Callable[..., Path], reported: list[str]
) -> None:
    add("bigram")
    (add("gpt") / WEIGHTS).write_bytes(b"junk")
    (zoo.root / "empty").mkdir()
    for _ in range(3):
        zoo.refresh()
    assert zoo.names == ["bigram"]
    assert zoo.notice == ""
    assert sorted(problem.partition(" could not be loaded. ")[0] for problem in reported) == ["empty", "gpt"]
    add("gpt")
    zoo.refresh()
    assert zoo.names == ["bigram", "gpt"]
    assert len(reported) == 2


def test_a_bad_replacement_keeps_the_last_good_model(zoo: Zoo, add: Callable[..., Path], reported: list[str]) -> None:
    folder = add("gpt")
    zoo.refresh()
    first = zoo.get("gpt")
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "model": "unheard-of"}))
    for _ in range(3):
        assert zoo.get("gpt") is first
    assert zoo.names == ["gpt"]
    (problem,) = reported
    assert problem.startswith("gpt could not be loaded.")
    assert problem.endswith("The earlier one stays.")


def flip_last_bit(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)


@pytest.mark.parametrize("loaded_before", [False, True])
def test_damaged_weights_are_found_at_first_use_and_read_once(
    loaded_before: bool,
    zoo: Zoo,
    add: Callable[..., Path],
    reported: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of 900 MB were read and hashed again at every page load, for 1.2 s each, and everyone waited."""
    folder = add("gpt")
    add("bigram")
    zoo.refresh()
    good = zoo.get("gpt") if loaded_before else None
    flip_last_bit(folder)
    zoo.refresh()
    read: list[str] = []
    monkeypatch.setattr(module, "load", lambda folder: (read.append(folder.name), load(folder))[1])
    for _ in range(3):
        zoo.refresh()
        if good:
            assert zoo.get("gpt") is good
        else:
            with pytest.raises(ValueError, match="Unknown model gpt; the models are bigram"):
                zoo.get("gpt")
    assert read == ["gpt"]
    (problem,) = reported
    assert "the digest is not the one in config.json" in problem
    assert problem.endswith("The earlier one stays.") is loaded_before
    assert zoo.names == (["bigram", "gpt"] if loaded_before else ["bigram"])
    flip_last_bit(folder)
    zoo.refresh()
    assert zoo.get("gpt") is not good


def test_a_damaged_draft_is_done_without(zoo: Zoo, add: Callable[..., Path], reported: list[str]) -> None:
    for kind in ("trigram", "mlp", "gpt"):
        add(kind)
    flip_last_bit(zoo.root / "mlp")
    zoo.refresh()
    assert zoo.get("gpt").draft is zoo.get("trigram").model
    assert len(reported) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems make no such folder")
def test_a_name_that_is_not_utf8_is_left_out(zoo: Zoo, add: Callable[..., Path], reported: list[str]) -> None:
    """Such a folder stopped the app at its start, or broke every page load."""
    add("gpt").rename(os.fsdecode(os.fsencode(zoo.root) + b"/caf\xe9"))
    add("bigram")
    for _ in range(2):
        zoo.refresh()
    assert zoo.names == ["bigram"]
    assert reported == [r"The folder caf\udce9 is left out: its name is not UTF-8."]


def test_what_is_not_said_elsewhere_goes_to_the_log(zoo: Zoo, caplog: pytest.LogCaptureFixture) -> None:
    (zoo.root / "empty").mkdir()
    for _ in range(2):
        Zoo(zoo.root).refresh()
    assert [record.getMessage() for record in caplog.records] == 2 * [
        "empty could not be loaded. empty/config.json: No such file or directory."
    ]


def test_a_folder_that_is_being_written_is_not_reported_yet(
    zoo: Zoo, reported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every replacement that a reader saw half done was reported as damage."""
    monkeypatch.setattr(module, "SETTLED", 1000)
    (zoo.root / "empty").mkdir()
    zoo.refresh()
    zoo.refresh()
    assert reported == []
    os.utime(zoo.root / "empty", (0, 0))
    zoo.refresh()
    zoo.refresh()
    assert len(reported) == 1


def test_replacements_under_readers_are_whole(
    tiny: Callable[..., LanguageModel],
    zoo: Zoo,
    add: Callable[..., Path],
    reported: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten a second, 8 readers: every model that is read is one of those that were saved, none is mixed or missing.

    It takes as long as twenty replacements need, or `REPLACING_SECONDS`: 60 is the full form.
    """
    monkeypatch.setattr(module, "SETTLED", 1)
    add("gpt")
    models = [dict(tiny("gpt", seed).named_parameters()) for seed in range(7)]
    zoo.refresh()
    zoo.get("gpt")
    began = time.monotonic()
    until = began + float(os.environ.get("REPLACING_SECONDS", "0"))
    over = threading.Event()
    seen: Counter[int] = Counter()
    lock = threading.Lock()

    def read() -> None:
        while not over.is_set():
            zoo.refresh()
            served = zoo.get("gpt").model
            found = [i for i, whole in enumerate(models) if is_same(whole, served)]
            with lock:
                seen[found[0] if len(found) == 1 else -1] += 1
            time.sleep(0.002)  # eight that never wait would leave the writer no time

    with ThreadPoolExecutor(8) as readers:
        done = [readers.submit(read) for _ in range(8)]
        replaced = 0
        while replaced < 20 or time.monotonic() < until:
            replaced += 1
            add("gpt", seed=replaced % 7)
            time.sleep(max(0.0, began + replaced / 10 - time.monotonic()))
        over.set()
        for reader in done:
            reader.result()
    print(f"{replaced} replacements, {sum(seen.values())} reads, {seen[-1]} mixed, {len(reported)} reports")
    assert seen[-1] == 0
    assert reported == []
    assert len(seen) > 2
    assert is_same(models[replaced % 7], zoo.get("gpt").model)


def is_same(whole: dict[str, torch.Tensor], model: LanguageModel) -> bool:
    return all(torch.equal(whole[name], p) for name, p in model.named_parameters())


def test_a_folder_that_is_gone_is_no_longer_offered(zoo: Zoo, add: Callable[..., Path]) -> None:
    add("bigram")
    folder = add("gpt")
    zoo.refresh()
    shutil.rmtree(folder)
    zoo.refresh()
    assert zoo.names == ["bigram"]


def test_the_draft_is_the_small_model_of_the_vocabulary_with_the_largest_context(
    zoo: Zoo, add: Callable[..., Path]
) -> None:
    for kind in ("bigram", "trigram", "mlp", "gpt"):
        add(kind)
    add("gpt", "other", OTHERS)
    zoo.refresh()
    assert zoo.get("gpt").draft is zoo.get("mlp").model
    assert zoo.get("other").draft is None
    shutil.rmtree(zoo.root / "mlp")
    shutil.rmtree(zoo.root / "gpt")
    zoo.refresh()
    add("gpt")
    zoo.refresh()
    assert zoo.get("gpt").draft is zoo.get("trigram").model


def test_places_are_folders_of_checkpoints_single_checkpoints_and_downloads(
    add: Callable[..., Path], tmp_path: Path
) -> None:
    add("gpt")
    add("bigram")
    (tmp_path / "other").mkdir()
    first, single = add("gpt", "first", seed=1), add("gpt", "single", seed=2)
    first.rename(tmp_path / "other" / "gpt")
    single.rename(tmp_path / "single")
    download = add("gpt", "c0ffee", seed=3).rename(tmp_path / "c0ffee")
    places = [tmp_path / "other", tmp_path / "zoo", tmp_path / "single", tmp_path / "none"]
    zoo = Zoo(*places, repositories={"alice/gpt": download})
    zoo.refresh()
    assert zoo.names == ["bigram", "gpt", "alice/gpt", "single"]
    assert zoo.get("gpt").folder == tmp_path / "other" / "gpt"  # of two with one name, the first
    assert zoo.get("alice/gpt").name == "alice/gpt"
    assert zoo.get("alice/gpt").title == "GPT (alice/gpt)"
    assert torch.equal(weight(zoo.get("alice/gpt").model), weight(load(download).model))
    assert zoo.notice == ""
    empty = Zoo(tmp_path / "none", tmp_path / "neither")
    assert empty.notice == "No checkpoints in none/ or neither/. Train some with: python train.py"


@pytest.mark.parametrize("name", [None, "", "../zoo/gpt", ["gpt"], 1, "<b>"])
def test_an_unknown_name_is_answered_with_the_known_ones(name: object, zoo: Zoo, add: Callable[..., Path]) -> None:
    add("gpt")
    zoo.refresh()
    with pytest.raises(ValueError, match=r"Unknown model .*; the models are gpt\.") as error:
        zoo.get(name)
    assert "<" not in str(error.value)


def test_load_gives_what_the_zoo_gives(zoo: Zoo, add: Callable[..., Path]) -> None:
    folder = add("gpt", "mine")
    zoo.refresh()
    mine, theirs = load(folder), zoo.get("mine")
    assert (mine.name, mine.folder, mine.parameters) == (theirs.name, theirs.folder, theirs.parameters)
    assert mine.tokenizer.chars == CHARS.chars
    assert mine.parameters == sum(p.numel() for p in read_model(folder)[0].parameters())
    assert nanogpt.load is load
    with pytest.raises(CheckpointError):
        load(folder.with_name("none"))


def test_a_name_is_the_folders_however_it_is_written(add: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = add("gpt", "mine")
    monkeypatch.chdir(folder)
    assert {load(path).name for path in (folder, f"{folder}/", ".", "../mine")} == {"mine"}


def test_large_layers_are_packed_unless_every_weight_is_wanted(
    tmp_path: Path, tiny: Callable[..., LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "gpt", tiny("gpt", n_embd=256, n_layer=1), CHARS, dtype=torch.bfloat16)
    with_all = load(tmp_path / "gpt", pack=False)
    assert sum(p.numel() for p in with_all.model.parameters()) == with_all.parameters
    assert not any(isinstance(m, PackedLinear) for m in with_all.model.modules())
    packed = load(tmp_path / "gpt")
    assert packed.parameters == with_all.parameters
    if torch.backends.quantized.engine in ("x86", "fbgemm"):
        assert any(isinstance(m, PackedLinear) for m in packed.model.modules())
    elsewhere = torch.device("meta")  # no other device is there: one that holds shapes only stands in
    assert not any(isinstance(m, PackedLinear) for m in load(tmp_path / "gpt", elsewhere).model.modules())
