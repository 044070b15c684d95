"""Checkpoints of nanoGPT become checkpoints here: the same logits, nothing executed, nothing silently wrong."""

import os
import pickle
import zipfile
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
    """write(weights, n_head=2, …) → a ckpt.pt as nanoGPT's train.py saves it, with other model_args where given.

    `told` replaces what it tells beside the model.
    """

    def make(weights: Weights, *, told: dict[str, Any] | None = None, **given: Any) -> Path:
        bias = any(name.endswith("ln_f.bias") for name in weights)
        found = {
            "model": weights,
            "optimizer": {"state": {}},
            "model_args": {**ARGS, "bias": bias, **given},
            "iter_num": 5000,
            "best_val_loss": torch.tensor(1.47),
            "config": {"dataset": "shakespeare_char"},
            **(told or {}),
        }
        torch.save(found, "ckpt.pt")
        return Path("ckpt.pt")

    return make


def run(*words: str) -> int:
    return answer_errors(main, ["import", *words])


def refusal(capsys: Output, *words: str) -> str:
    """The one sentence of a refused import, which leaves nothing on the disk."""
    assert run(*words) == 1
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert error.startswith("error: ")
    assert not Path("checkpoints").exists()
    return error


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
    loaded = nanogpt.load("checkpoints/mine")
    said, use = capsys.readouterr().out.splitlines()
    assert said.startswith(
        f"checkpoints/mine: {loaded.parameters:,} parameters; the logits differ from nanoGPT's by at most "
    )
    assert use == "use it: python -m nanogpt sample --model mine"
    assert loaded.model.config.tie_weights is (form is not untied)
    if form is untied:
        weights = untied(weights)
    for length in (1, 7, T):
        ids = torch.randint(V, (length,), generator=torch.Generator().manual_seed(length))
        assert (loaded.model(ids[None])[0] - nanogpt_logits(weights, ids)).abs().max() <= 1e-5
    assert loaded.tokenizer.decode([0, 9, 10]) == "aj\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_layer": 2}, "n_layer is 2 in model_args, but 3 in the weights."),
        ({"n_layer": 4}, "n_layer is 4 in model_args, but 3 in the weights."),
        ({"n_layer": 0}, "n_layer is 0 in model_args, but 3 in the weights."),
        ({"n_layer": "<b>"}, "n_layer is '\\x3cb\\x3e' in model_args, but 3 in the weights."),
        ({"n_embd": 64}, "n_embd is 64 in model_args, but 32 in the weights."),
        ({"n_head": 5}, "n_embd must be a multiple of n_head; got 32 and 5."),
        ({"n_head": 0}, "n_head must be a whole number from 1 to 64; got 0."),
        ({"block_size": 8}, "block_size is 8 in model_args, but 16 in the weights."),
        ({"block_size": 16.0}, "block_size is 16.0 in model_args, but 16 in the weights."),
        ({"vocab_size": 12}, "vocab_size is 12 in model_args, but 11 in the weights."),
        ({"vocab_size": 10**9}, "vocab_size is 1000000000 in model_args, but 11 in the weights."),
        ({"vocab_size": torch.ones(2)}, "vocab_size is tensor([1., 1.]) in model_args, but 11 in the weights."),
        ({"bias": True}, "bias is True in model_args, but False in the weights."),
        ({"bias": 0}, "bias is 0 in model_args, but False in the weights."),
        ({"dropout": 2}, "dropout must be a number from 0 to 0.9; got 2."),
        ({"rotary": True}, "n_embd, block_size, vocab_size, dropout, rotary."),
    ],
)  # fmt: skip
def test_a_config_that_does_not_fit_is_never_loaded(
    given: dict[str, Any], message: str, write: Write, capsys: Output
) -> None:
    """With only one option right, such a file loaded silently and was wrong."""
    write(nanogpt_weights(False), **given)
    assert message in refusal(capsys, "ckpt.pt", "meta.pkl", "mine")


def test_every_argument_must_be_there_and_the_bias_of_older_files_is_on(write: Write, capsys: Output) -> None:
    for name in ARGS:
        without = {key: value for key, value in ARGS.items() if key != name}
        torch.save({"model": nanogpt_weights(False), "model_args": {"bias": False, **without}}, "ckpt.pt")
        assert "ckpt.pt: model_args must be n_layer, " in refusal(capsys, "ckpt.pt", "meta.pkl", "mine")
    torch.save({"model": nanogpt_weights(True), "model_args": ARGS}, "ckpt.pt")
    assert run("ckpt.pt", "meta.pkl", "mine") == 0
    torch.save({"model": nanogpt_weights(False), "model_args": ARGS}, "ckpt.pt")
    assert run("ckpt.pt", "meta.pkl", "other") == 1
    assert "bias is True in model_args, but False in the weights" in capsys.readouterr().err


WPE, PROJECTION = "transformer.wpe.weight", "transformer.h.1.mlp.c_proj.weight"
HUGE = torch.zeros(1).half().expand(10**6, 10**6)  # two bytes in a file, and terabytes for who computes with it


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({WPE: torch.full((T, C), torch.nan)}, f"{WPE} holds values that are not finite numbers."),
        ({WPE: torch.full((T, C), 1e300, dtype=torch.float64)}, f"{WPE} holds values that are not finite numbers."),
        ({WPE: torch.zeros(T, C).to_sparse()}, f"{WPE} is not an ordinary tensor of floating-point numbers."),
        ({WPE: torch.zeros(T, C, device="meta")}, f"{WPE} is not an ordinary tensor of floating-point numbers."),
        ({WPE: torch.zeros(T, C, dtype=torch.int64)}, f"{WPE} is not an ordinary tensor of floating-point numbers."),
        ({WPE: 3}, f"{WPE} is not an ordinary tensor of floating-point numbers."),
        ({WPE: torch.zeros(T)}, f"model has no matrix {WPE}, as nanoGPT's models have."),
        ({WPE: None}, f"model has no matrix {WPE}, as nanoGPT's models have."),
        ({PROJECTION: torch.zeros(C, C)}, f"{PROJECTION} has shape (32, 32); model_args imply (32, 128)."),
        ({PROJECTION: None}, f"model_args imply 1 weights that are missing, first {PROJECTION}."),
        ({"<b>": torch.zeros(1)}, "1 weights more than model_args imply, first \\x3cb\\x3e."),
        ({WPE: HUGE}, "block_size is 16 in model_args, but 1000000 in the weights."),
        ({PROJECTION: HUGE}, f"{PROJECTION} has shape (1000000, 1000000); "),
    ],
)  # fmt: skip
def test_weights_that_no_model_has(changed: dict[str, Any], message: str, write: Write, capsys: Output) -> None:
    """NaN was once imported with a difference of 0, and a sparse tensor ended in a traceback."""
    weights = {**nanogpt_weights(False), **changed}
    write({name: t for name, t in weights.items() if t is not None})
    assert f"error: ckpt.pt: {message}" in refusal(capsys, "ckpt.pt", "meta.pkl", "mine")


def test_the_card_tells_where_the_model_is_from(write: Write) -> None:
    write(nanogpt_weights(False)).rename("a`<b>.pt")
    assert run("a`<b>.pt", "meta.pkl", "mine", "--checkpoints", "some where") == 0
    card = Path("some where/mine/README.md").read_text()
    assert card.startswith("---\n")
    assert "license" not in card
    assert "imported from ``a`\\x3cb\\x3e.pt``, a checkpoint of\n[nanoGPT](" in card
    assert "| steps, by the file's `iter_num` | 5,000 |\n" in card
    assert "| validation loss, by the file's `best_val_loss` | 1.4700 nats per character |\n" in card


@pytest.mark.parametrize(
    "told",
    [None, "<b>", True, -1, float("nan"), 10**30, torch.ones(2), torch.ones(2).to_sparse()],
    ids=lambda told: type(told).__name__,
)
def test_the_card_leaves_out_what_is_no_plain_number(told: object, write: Write) -> None:
    write(nanogpt_weights(False), told={"iter_num": told, "best_val_loss": told})
    assert run("ckpt.pt", "meta.pkl", "mine") == 0
    assert "by the file" not in Path("checkpoints/mine/README.md").read_text()


def test_what_belongs_to_a_replaced_model_goes(write: Write, capsys: Output) -> None:
    write(nanogpt_weights(False))
    assert run("ckpt.pt", "meta.pkl", "mine", "--checkpoints", "a b") == 0
    assert capsys.readouterr().out.endswith("use it: python -m nanogpt sample --model mine --checkpoints 'a b'\n")
    for name in ("analysis.json", "metrics.jsonl", "training.json"):
        Path("a b/mine", name).write_text("{}")
    assert run("ckpt.pt", "meta.pkl", "mine", "--checkpoints", "a b", "--overwrite") == 0
    there = {"README.md", "config.json", "model.safetensors", "tokenizer.json"}
    assert {path.name for path in Path("a b/mine").iterdir()} == there


def test_an_arithmetic_that_differs_is_refused(write: Write, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is no formality: a model that reads otherwise is found."""
    write(nanogpt_weights(False))
    other = lambda config: build_model(make_config("gpt", {**vars(config), "activation": "relu2"}))  # noqa: E731
    monkeypatch.setattr("nanogpt.storage.from_nanogpt.build_model", other)
    assert "the logits differ from nanoGPT's by " in refusal(capsys, "ckpt.pt", "meta.pkl", "mine")


def test_a_difference_that_is_no_number_is_refused(
    write: Write, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({name: t * 1e30 for name, t in nanogpt_weights(False).items()})
    assert "the logits differ from nanoGPT's by nan" in refusal(capsys, "ckpt.pt", "meta.pkl", "mine")


class Payload:
    """A pickle that would make a folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("harm",)


def test_no_code_in_the_files_is_run(write: Write, capsys: Output) -> None:
    torch.save({"model": Payload(), "model_args": ARGS}, "evil.pt")
    Path("evil.pkl").write_bytes(pickle.dumps({"itos": Payload()}))
    sentence = "error: evil.pt: not a file of torch.save that holds only tensors and plain values.\n"
    assert refusal(capsys, "evil.pt", "meta.pkl", "mine") == sentence
    write(nanogpt_weights(False))
    assert "it would call " in refusal(capsys, "ckpt.pt", "evil.pkl", "mine")
    assert not Path("harm").exists()
    pickle.loads(Path("evil.pkl").read_bytes())  # or this test would prove nothing
    assert Path("harm").exists()


def test_no_number_in_a_file_is_memory(write: Write, capsys: Output) -> None:
    """The reader of pickles in C makes a table as long as a number in the file says, here of 64 GB."""
    write(nanogpt_weights(False))
    Path("evil.pkl").write_bytes(b"\x80\x04Kar\xff\xff\xff\xff.")
    assert "not a meta.pkl of characters" in refusal(capsys, "ckpt.pt", "evil.pkl", "mine")
    with zipfile.ZipFile("evil.pt", "w", zipfile.ZIP_DEFLATED) as parts, zipfile.ZipFile("ckpt.pt") as stored:
        for name in stored.namelist():
            parts.writestr(name, stored.read(name))
        parts.writestr("ckpt/data/99", bytes(10**6))
    assert "evil.pt: not a file of torch.save" in refusal(capsys, "evil.pt", "meta.pkl", "mine")


def test_the_characters_must_be_given(write: Write, capsys: Output) -> None:
    write(nanogpt_weights(False))
    wanted = "ckpt.pt: its characters are missing: give the meta.pkl of its data, like data/shakespeare_char/meta.pkl."
    assert wanted in refusal(capsys, "ckpt.pt", "mine")
    of_ids = dict(enumerate("abcdefghijk"))
    for itos in (["a"] * V, "abcdefghijk", None, {}, {1: "a"}, {**of_ids, "x": "y"}):
        Path("other.pkl").write_bytes(pickle.dumps({"itos": itos}))
        error = refusal(capsys, "ckpt.pt", "other.pkl", "mine")
        assert (
            "other.pkl: not a meta.pkl of characters: itos must have a character for each id from 0 on." in error
            or (itos == {} and "a non-empty list of distinct single characters." in error)
        )
    for last in ("a", "bc", "", 7, b"k", ["k"], "\ud800"):
        Path("other.pkl").write_bytes(pickle.dumps({"itos": {**of_ids, V - 1: last}}, protocol=4))
        assert "other.pkl: not a meta.pkl of characters: The " in refusal(capsys, "ckpt.pt", "other.pkl", "mine")
    Path("other.pkl").write_bytes(pickle.dumps({"itos": dict(enumerate("abc"))}))
    assert "other.pkl has 3 characters, but vocab_size is 11 in ckpt.pt." in refusal(
        capsys, "ckpt.pt", "other.pkl", "mine"
    )


@pytest.mark.parametrize("content", [b"", b"text", b"PK\3\4", pickle.dumps({}), pickle.dumps([1])[:-1]])
def test_other_files_are_a_sentence(content: bytes, write: Write, capsys: Output) -> None:
    Path("other").write_bytes(content)
    assert "other: not a file of torch.save that holds only" in refusal(capsys, "other", "meta.pkl", "mine")
    write(nanogpt_weights(False))
    assert "other: not a meta.pkl of characters" in refusal(capsys, "ckpt.pt", "other", "mine")


def test_files_of_another_kind_are_a_sentence(write: Write, capsys: Output) -> None:
    write(nanogpt_weights(False))
    for words in (("nowhere", "meta.pkl", "mine"), ("ckpt.pt", "nowhere", "mine")):
        assert "nowhere: No such file or directory." in refusal(capsys, *words)
    for words in ((".", "meta.pkl", "mine"), ("ckpt.pt", ".", "mine")):
        assert "not a regular file." in refusal(capsys, *words)
    with zipfile.ZipFile("other.zip", "w") as parts:
        parts.writestr("a.txt", "text")
    assert "other.zip: not a file of torch.save" in refusal(capsys, "other.zip", "meta.pkl", "mine")
    for found in ({"model": {}}, [1], {"model": [1], "model_args": {}}):
        torch.save(found, "other.pt")
        assert "other.pt: not a checkpoint of nanoGPT's train.py" in refusal(capsys, "other.pt", "meta.pkl", "mine")


def test_files_may_be_links(write: Write) -> None:
    """Large files often lie on another disk."""
    write(nanogpt_weights(False))
    for name in ("ckpt.pt", "meta.pkl"):
        Path(f"linked-{name}").symlink_to(name)
    assert run("linked-ckpt.pt", "linked-meta.pkl", "mine") == 0


def test_a_name_is_one_folder_and_not_taken(write: Write, capsys: Output) -> None:
    write(nanogpt_weights(False))
    for name in ("../mine", "..", "a/b"):
        assert run("ckpt.pt", "meta.pkl", name) == 1
        assert "name must be a folder name without slashes" in capsys.readouterr().err
    assert run("ckpt.pt", "meta.pkl", "mine") == run("ckpt.pt", "meta.pkl", "mine", "--overwrite") == 0
    assert run("ckpt.pt", "meta.pkl", "mine") == 1
    assert "checkpoints/mine exists. Give --overwrite" in capsys.readouterr().err


def test_a_vocabulary_as_large_as_gpt_2_s(write: Write, capsys: Output) -> None:
    size = 50_304
    sizes = {**ARGS, "vocab_size": size, "n_embd": 8}
    as_nanogpt = {"position": "learned", "activation": "gelu", "qk_norm": False, "tie_weights": True}
    weights = dict(build_model(make_config("gpt", {**sizes, **as_nanogpt})).state_dict())
    write(weights, vocab_size=size, n_embd=8)
    assert "a vocabulary of 50,304 is that of GPT-2's tokens, but the models here write characters." in refusal(
        capsys, "ckpt.pt", "mine"
    )
    Path("large.pkl").write_bytes(pickle.dumps({"itos": {i: chr(0x100 + i) for i in range(size)}}))
    assert run("ckpt.pt", "large.pkl", "mine") == 0
    assert nanogpt.load("checkpoints/mine").tokenizer.vocab_size == size
