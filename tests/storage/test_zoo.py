"""The folder of checkpoints as people use it: order, replacement, and folders that do not load."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import nanogpt
from nanogpt.models.base import LanguageModel
from nanogpt.models.packed import PackedLinear
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
def zoo(tmp_path: Path) -> Zoo:
    (tmp_path / "zoo").mkdir()
    return Zoo(tmp_path / "zoo")


def weight(model: LanguageModel) -> torch.Tensor:
    return next(model.parameters())


def test_models_stand_in_the_order_of_the_table_then_by_name(zoo: Zoo, add: Callable[..., Path]) -> None:
    for name in ("zebra", "gpt", "apple", "bigram", "mlp"):
        add(name if name in ("gpt", "bigram", "mlp") else "gpt", name)
    add("gpt", ".hidden")
    (zoo.root / "README.md").write_text("not a folder")
    zoo.refresh()
    assert zoo.names == ["bigram", "mlp", "gpt", "apple", "zebra"]
    assert zoo.choices[-2:] == [("GPT (apple)", "apple"), ("GPT (zebra)", "zebra")]
    assert zoo.problems == []


@pytest.mark.parametrize("exists", [True, False])
def test_a_root_without_models_says_how_to_train_one(exists: bool, tmp_path: Path) -> None:
    root = tmp_path / "nothing"
    if exists:
        root.mkdir()
    zoo = Zoo(root)
    zoo.refresh()
    assert zoo.names == zoo.choices == []
    assert zoo.problems == ["No checkpoints in nothing/. Train some with: python train.py"]
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


def test_a_folder_that_does_not_load_is_named_and_the_others_stay(zoo: Zoo, add: Callable[..., Path]) -> None:
    add("bigram")
    (add("gpt") / WEIGHTS).write_bytes(b"junk")
    (zoo.root / "empty").mkdir()
    zoo.refresh()
    assert zoo.names == ["bigram"]
    assert [problem.partition(" ")[0] for problem in zoo.problems] == ["empty", "gpt"]
    add("gpt")
    zoo.refresh()
    assert zoo.names == ["bigram", "gpt"]
    assert len(zoo.problems) == 1


def test_a_bad_replacement_keeps_the_last_good_model(zoo: Zoo, add: Callable[..., Path]) -> None:
    folder = add("gpt")
    zoo.refresh()
    first = zoo.get("gpt")
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "model": "unheard-of"}))
    zoo.refresh()
    assert zoo.get("gpt") is first
    (problem,) = zoo.problems
    assert problem.startswith("gpt could not be loaded.")
    assert problem.endswith("The earlier one stays.")


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
