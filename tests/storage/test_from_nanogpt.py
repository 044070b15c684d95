"""Checkpoints of nanoGPT become checkpoints here: the same logits, nothing executed, nothing silently wrong."""

import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from written_by_nanogpt import N_HEAD, N_LAYER, C, T, V, Weights, nanogpt_logits, nanogpt_weights

import nanogpt
from nanogpt.cli import answer_errors, main
from nanogpt.models import build_model, make_config

ARGS = {"n_layer": N_LAYER, "n_head": N_HEAD, "n_embd": C, "block_size": T, "vocab_size": V, "dropout": 0.2}
Write = Callable[..., Path]
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder has a meta.pkl, and as many threads as before."""
    monkeypatch.chdir(tmp_path)
    characters = "abcdefghij\n"
    meta = {"vocab_size": V, "itos": dict(enumerate(characters)), "stoi": {c: i for i, c in enumerate(characters)}}
    Path("meta.pkl").write_bytes(pickle.dumps(meta))
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)


@pytest.fixture
def write() -> Write:
    """write(weights, n_head=2, …) → a ckpt.pt as nanoGPT's train.py saves it, with other model_args where given."""

    def make(weights: Weights, **given: Any) -> Path:
        bias = any(name.endswith("ln_f.bias") for name in weights)
        found = {
            "model": weights,
            "optimizer": {"state": {}},
            "model_args": {**ARGS, "bias": bias, **given},
            "iter_num": 5000,
            "best_val_loss": torch.tensor(1.47),
            "config": {"dataset": "shakespeare_char"},
        }
        torch.save(found, "ckpt.pt")
        return Path("ckpt.pt")

    return make


def run(*words: str) -> int:
    return answer_errors(main, ["import", *words])


def compiled(weights: Weights) -> Weights:
    return {f"_orig_mod.{name}": t for name, t in weights.items()}


def tied_once(weights: Weights) -> Weights:
    return {name: t for name, t in weights.items() if name != "lm_head.weight"}


def untied(weights: Weights) -> Weights:
    return {**weights, "lm_head.weight": weights["lm_head.weight"] * 0.5 + 0.1}


def with_masks(weights: Weights) -> Weights:
    """Older versions keep the mask of each layer."""
    return {**weights, **{f"transformer.h.{i}.attn.bias": torch.ones(1, 1, T, T).tril() for i in range(N_LAYER)}}


@pytest.mark.parametrize("form", [dict, compiled, tied_once, untied, with_masks])
@pytest.mark.parametrize("bias", [False, True])
@torch.no_grad()
def test_the_logits_are_those_of_nanogpt(
    form: Callable[[Weights], Weights], bias: bool, write: Write, capsys: Output
) -> None:
    weights = nanogpt_weights(bias)
    write(form(weights))
    assert run("ckpt.pt", "meta.pkl", "mine") == 0
    assert capsys.readouterr().out.startswith("checkpoints/mine: the logits differ from nanoGPT's by at most ")
    loaded = nanogpt.load("checkpoints/mine")
    if form is untied:
        weights = untied(weights)
    for length in (1, 7, T):
        ids = torch.randint(V, (length,), generator=torch.Generator().manual_seed(length))
        assert (loaded.model(ids[None])[0] - nanogpt_logits(weights, ids)).abs().max() <= 1e-5
    assert loaded.tokenizer.decode([0, 9, 10]) == "aj\n"
    assert "for 5,000 steps" in Path("checkpoints/mine/README.md").read_text()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_layer": 2}, r"ckpt\.pt: 6 weights more than model_args imply, first transformer\.h\.2\."),
        ({"n_layer": 4}, r"ckpt\.pt: model_args imply 6 weights that are missing, first transformer\.h\.3\."),
        (
            {"n_embd": 64},
            r"has shape \(96, 32\); model_args imply \(192, 64\)|has shape \(11, 32\); model_args imply \(11, 64\)",
        ),
        ({"n_head": 5}, r"n_embd must be a multiple of n_head; got 32 and 5\."),
        ({"block_size": 8}, r"wpe\.weight has shape \(16, 32\); model_args imply \(8, 32\)\."),
        ({"vocab_size": 12}, r"meta\.pkl has 11 characters, the model 12\."),
        ({"bias": True}, r"model_args has bias True; biases are not among the weights\."),
        ({"n_layer": 48, "n_embd": 4096}, r"model_args imply \d+ weights that are missing"),  # 38 GB if they were made
        ({"n_layer": 0}, r"n_layer must be a whole number from 1 to 48; got 0\."),
        ({"n_layer": "<b>"}, r"n_layer must be a whole number"),
        ({"vocab_size": 10**9}, r"vocab_size must be a whole number from 1 to 65,536; got 1000000000\."),
    ],
)
def test_a_config_that_does_not_fit_is_never_loaded(
    given: dict[str, Any], message: str, write: Write, capsys: Output
) -> None:
    """With only one option right, such a file loaded silently and was wrong."""
    write(nanogpt_weights(False), **given)
    assert run("ckpt.pt", "meta.pkl", "mine") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error), error
    assert not Path("checkpoints").exists()


def test_a_model_that_could_not_be_loaded_again_is_refused(
    write: Write, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanogpt.storage.from_nanogpt.MAX_WEIGHTS_BYTES", 100_000)
    write(nanogpt_weights(False))
    assert run("ckpt.pt", "meta.pkl", "mine") == 1
    assert re.search(r"ckpt\.pt: \d{3},\d{3} bytes of weights; the limit is 100,000\.", capsys.readouterr().err)


def test_weights_without_an_embedding_are_none_of_nanogpt(write: Write, capsys: Output) -> None:
    write({"transformer.ln_f.weight": torch.ones(C)})
    assert run("ckpt.pt", "meta.pkl", "mine") == 1
    assert "not a checkpoint of nanoGPT's train.py: 'transformer.wte.weight'." in capsys.readouterr().err


def test_an_arithmetic_that_differs_is_refused(write: Write, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is no formality: a model that reads otherwise is found."""
    write(nanogpt_weights(False))
    other = lambda config: build_model(make_config("gpt", {**vars(config), "activation": "relu2"}))  # noqa: E731
    monkeypatch.setattr("nanogpt.storage.from_nanogpt.build_model", other)
    assert run("ckpt.pt", "meta.pkl", "mine") == 1
    assert "the logits differ from nanoGPT's by " in capsys.readouterr().err
    assert not Path("checkpoints").exists()


class Payload:
    """A pickle that would make a folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


def test_no_code_in_the_files_is_run(write: Write, capsys: Output) -> None:
    torch.save({"model": Payload(), "model_args": ARGS}, "evil.pt")
    Path("evil.pkl").write_bytes(pickle.dumps({"itos": Payload()}))
    assert run("evil.pt", "meta.pkl", "mine") == 1
    assert (
        capsys.readouterr().err
        == "error: evil.pt: not a file of torch.save that holds only tensors and plain values.\n"
    )
    write(nanogpt_weights(False))
    assert run("ckpt.pt", "evil.pkl", "mine") == 1
    assert "it would call " in capsys.readouterr().err
    assert not Path("harm").exists()
    pickle.loads(Path("evil.pkl").read_bytes())  # or this test would prove nothing
    assert Path("harm").exists()


def test_the_characters_must_be_given(write: Write, capsys: Output) -> None:
    write(nanogpt_weights(False))
    assert run("ckpt.pt", "mine") == 1
    assert "its 11 characters are missing: give the meta.pkl of its data" in capsys.readouterr().err
    for itos in ({0: "a", 1: "bc"}, {1: "a"}, ["a"] * V, None, {i: i for i in range(V)}):
        Path("other.pkl").write_bytes(pickle.dumps({"itos": itos}))
        assert run("ckpt.pt", "other.pkl", "mine") == 1
        assert "other.pkl: not a meta.pkl of characters: " in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"text", b"PK\3\4", pickle.dumps({}), pickle.dumps([1])[:-1]])
def test_other_files_are_a_sentence(content: bytes, capsys: Output) -> None:
    Path("other").write_bytes(content)
    for words in (("other", "meta.pkl", "mine"), ("nowhere.pt", "meta.pkl", "mine"), (".", "meta.pkl", "mine")):
        assert run(*words) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1
    torch.save({"model": {}}, "other")
    assert run("other", "meta.pkl", "mine") == 1
    assert "not a checkpoint of nanoGPT's train.py" in capsys.readouterr().err


def test_a_name_is_one_folder_and_not_taken(write: Write, capsys: Output) -> None:
    write(nanogpt_weights(False))
    for name in ("../mine", "..", "a/b"):
        assert run("ckpt.pt", "meta.pkl", name) == 1
        assert "name must be a folder name without slashes" in capsys.readouterr().err
    assert run("ckpt.pt", "meta.pkl", "mine") == run("ckpt.pt", "meta.pkl", "mine", "--overwrite") == 0
    assert run("ckpt.pt", "meta.pkl", "mine") == 1
    assert "checkpoints/mine exists. Give --overwrite" in capsys.readouterr().err


def test_a_vocabulary_as_large_as_gpt_2_s(write: Write) -> None:
    size = 50_304
    sizes = {**ARGS, "vocab_size": size, "n_embd": 8}
    as_nanogpt = {"position": "learned", "activation": "gelu", "qk_norm": False, "tie_weights": True}
    write(dict(build_model(make_config("gpt", {**sizes, **as_nanogpt})).state_dict()), vocab_size=size, n_embd=8)
    Path("large.pkl").write_bytes(pickle.dumps({"itos": {i: chr(0x100 + i) for i in range(size)}}))
    assert run("ckpt.pt", "large.pkl", "mine") == 0
    assert nanogpt.load("checkpoints/mine").tokenizer.vocab_size == size
