"""Any bytes offered as a checkpoint give a model or one CheckpointError, and run no code."""

import hashlib
import json
import os
import pickle
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

import nanogpt
from nanogpt.models.ranges import RANGES
from nanogpt.storage.atomic import write_file
from nanogpt.storage.checkpoint import (
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    CheckpointError,
    read_json,
    read_model,
    read_outline,
    save,
    weights_sha256,
)
from nanogpt.text.tokenizer import CharTokenizer

CHARS = CharTokenizer("\nabcdefghij")


@pytest.fixture
def folder(tmp_path: Path, tiny: Callable[..., nn.Module]) -> Path:
    """A good checkpoint of a small GPT."""
    save(tmp_path / "good", tiny("gpt", n_layer=1), CHARS)
    return tmp_path / "good"


@pytest.fixture
def unsigned(folder: Path) -> Path:
    """The same without digests, as made by hand: the checks behind the digest must do alone."""
    change_config(folder, lambda config: config.pop("sha256"))
    return folder


def change_config(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    config.pop("digest", None)  # as one made by hand, which no digest of itself protects
    (folder / CONFIG).write_text(json.dumps(config))


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    tensors = safetensors.torch.load_file(folder / WEIGHTS)
    change(tensors)
    safetensors.torch.save_file(tensors, folder / WEIGHTS)


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_model(folder)
    return str(error.value)


def test_the_largest_vocabulary_is_read_again(tiny: Callable[..., nn.Module], tmp_path: Path) -> None:
    """Each of its characters takes 20 bytes of JSON: more than 1 MB, the limit of other JSON files."""
    largest = CharTokenizer(map(chr, range(0x10000, 0x10000 + int(RANGES["vocab_size"][1]))))
    save(tmp_path / "x", tiny("gpt", vocab_size=largest.vocab_size, n_embd=8), largest)
    assert read_model(tmp_path / "x")[1].chars == largest.chars


@torch.no_grad()
def test_round_trip(model: nn.Module, tmp_path: Path) -> None:
    save(tmp_path / "x", model, CHARS)
    loaded, tokenizer = nanogpt.load(tmp_path / "x")
    idx = torch.arange(8)[None]
    assert torch.equal(loaded(idx), model(idx))
    assert tokenizer.chars == CHARS.chars
    assert loaded.config == model.config
    assert not loaded.training
    assert sorted(p.name for p in (tmp_path / "x").iterdir()) == sorted((WEIGHTS, TOKENIZER, CONFIG))


def test_bfloat16_is_half_the_size_and_read_as_float32(model: nn.Module, tmp_path: Path) -> None:
    save(tmp_path / "x", model, CHARS, dtype=torch.bfloat16)
    loaded, _ = read_model(tmp_path / "x")
    for name, p in loaded.named_parameters():
        assert p.dtype == torch.float32
        assert torch.equal(p, model.get_parameter(name).bfloat16().float())


def test_given_weights_stand_in(tiny: Callable[..., nn.Module], tmp_path: Path) -> None:
    other = dict(tiny("gpt", seed=1).named_parameters())
    save(tmp_path / "x", tiny("gpt", seed=0), CHARS, weights=other)
    assert all(torch.equal(p, other[name]) for name, p in read_model(tmp_path / "x")[0].named_parameters())


def test_the_folders_name_says_nothing(folder: Path) -> None:
    assert type(read_model(folder.rename(folder.with_name("bigram")))[0]).__name__ == "GPT"


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER, CONFIG])
def test_truncation(name: str, folder: Path) -> None:
    whole = (folder / name).read_bytes()
    rng = random.Random(0)
    for length in {*range(min(len(whole), 40)), len(whole) - 2, *rng.sample(range(len(whole) - 1), 60)}:
        (folder / name).write_bytes(whole[:length])
        assert f"good/{name}" in refusal(folder) or "digest" in refusal(folder)


def test_truncation_without_digests(unsigned: Path) -> None:
    whole = (unsigned / WEIGHTS).read_bytes()
    (header,) = struct.unpack_from("<Q", whole)
    for length in {*range(0, 8 + header, 41), 7, 8, 8 + header, 9 + header, len(whole) - 1}:
        (unsigned / WEIGHTS).write_bytes(whole[:length])
        assert "not a safetensors file" in refusal(unsigned)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("transformer.ln_f.weight"), "1 tensors are missing, first transformer.ln_f.weight"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 tensors too many, first 'extra'"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(11, 17)}), "lm_head.weight has shape (11, 17)"),
        (lambda t: t.update({"lm_head.weight": t["lm_head.weight"].T.contiguous()}), "the config implies (11, 16)"),
        (lambda t: t["lm_head.weight"][3].fill_(torch.nan), "lm_head.weight holds values that are not finite"),
        (lambda t: t["lm_head.weight"][3].fill_(-torch.inf), "lm_head.weight holds values that are not finite"),
        (lambda t: t.update({"lm_head.weight": torch.full((11, 16), 1e300, dtype=torch.float64)}), "not finite"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(11, 16, dtype=torch.long)}), "stored as torch.int64"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(11, 16).to(torch.complex64)}), "stored as torch.complex64"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(11, 16).to(torch.float8_e4m3fn)}), "stored as torch.float8"),
    ],
)  # fmt: skip
def test_wrong_tensors(change: Callable[[dict[str, torch.Tensor]], Any], words: str, unsigned: Path) -> None:
    """A float8 used to end in NotImplementedError, a float64 beyond float32 in a model of infinities."""
    rewrite(unsigned, change)
    assert words in refusal(unsigned)


def raw_safetensors(header: str, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 100,
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
        raw_safetensors("{}"),
        raw_safetensors("[]"),
        raw_safetensors("null"),
        raw_safetensors("1"),
        raw_safetensors('{"a": 1}'),
        raw_safetensors('{"a": {}}'),
        raw_safetensors('{"a": {"shape": 5}}'),  # used to end in a TypeError
        raw_safetensors('{"a": {"shape": null}}'),
        raw_safetensors('{"a": {"dtype": "F32", "shape": [1e999], "data_offsets": [0, 4]}}', b"\0" * 4),
        raw_safetensors('{"a": {"shape": [1]}, "a": {"shape": [1]}}'),
        raw_safetensors("[" * 100_000),
        raw_safetensors('{"a":' * 100_000),
        raw_safetensors("9" * 10_000),
        struct.pack("<Q", 2**63) + b"{}",
    ],
    ids=range(19),
)
def test_what_is_no_safetensors_file(data: bytes, unsigned: Path) -> None:
    (unsigned / WEIGHTS).write_bytes(data)
    assert WEIGHTS in refusal(unsigned)


class Canary:
    """Unpickling this makes a folder: the sign that a file's code has run."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER, CONFIG])
def test_no_pickle_runs(name: str, unsigned: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (unsigned / name).write_bytes(pickle.dumps(Canary(canary)))
    refusal(unsigned)
    torch.save(Canary(canary), unsigned / name)
    refusal(unsigned)
    with zipfile.ZipFile(unsigned / name, "w") as z:
        z.writestr("data.pkl", pickle.dumps(Canary(canary)))
    refusal(unsigned)
    assert not canary.exists()
    pickle.loads(pickle.dumps(Canary(canary)))
    assert canary.exists()  # it would have sung


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER, CONFIG])
def test_what_is_no_regular_file(name: str, folder: Path, tmp_path: Path) -> None:
    path = folder / name
    elsewhere = path.rename(tmp_path / "elsewhere")
    assert "No such file" in refusal(folder)
    path.symlink_to(elsewhere)
    assert "symbolic link" in refusal(folder)
    path.unlink()
    os.mkfifo(path)
    assert "not a regular file" in refusal(folder)
    path.unlink()
    path.mkdir()
    assert "not a regular file" in refusal(folder)
    path.rmdir()
    path.symlink_to("/dev/zero")
    assert "symbolic link" in refusal(folder)


def test_a_file_that_is_too_large_is_not_read(folder: Path) -> None:
    os.truncate(folder / TOKENIZER, 2_000_001)
    assert "2,000,001 bytes; the limit is 2,000,000" in refusal(folder)
    os.truncate(folder / WEIGHTS, 2_000_000_000)  # a hole: no disk is used
    load_tokenizer_again = json.dumps(CHARS.to_json())
    (folder / TOKENIZER).write_text(load_tokenizer_again)
    change_config(folder, lambda config: config.pop("sha256"))
    assert "the limit is 1,000,000,000" in refusal(folder)


def test_no_folder_at_all(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    assert "Not a directory" in refusal(tmp_path / "file")


@pytest.mark.parametrize("value", [1e9, 10**400, 2**40, 0, -1, True, 2.5, "2", None, [2], {"a": 2}])
@pytest.mark.parametrize("field", ["n_layer", "n_embd", "n_head", "vocab_size", "block_size"])
def test_lying_configs_allocate_nothing(field: str, value: Any, unsigned: Path) -> None:
    change_config(unsigned, lambda config: config["config"].update({field: value}))
    assert field in refusal(unsigned)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["config"].update(n_head=3), "n_embd must be a multiple of n_head; got 16 and 3"),
        (lambda c: c["config"].update(n_layer=48), "tensors are missing"),
        (lambda c: c["config"].update(n_embd=4096, n_layer=48), "tensors are missing"),
        (lambda c: c["config"].update(block_size=float("nan")), "block_size must be a whole number"),
        (lambda c: c["config"].update(dropout=float("inf")), "dropout must be a number"),
        (lambda c: c["config"].update(shell="rm"), "Unknown field of gpt: 'shell'"),
        (lambda c: c["config"].update(vocab_size=12), "vocab_size is 12, the tokenizer has 11"),
        (lambda c: c["config"].clear(), "incomplete"),
        (lambda c: c.update(config=[]), "config is not a JSON object"),
        (lambda c: c.update(model="bigram"), "Unknown field of bigram"),
        (lambda c: c.update(model="../../gpt"), "Unknown model"),
        (lambda c: c.update(model=None), "Unknown model"),
        (lambda c: c.update(model=["gpt"]), "Unknown model"),
        (lambda c: c.pop("model"), "Unknown model"),
    ],
)
def test_wrong_configs(change: Callable[[dict[str, Any]], Any], words: str, unsigned: Path) -> None:
    change_config(unsigned, change)
    assert words in refusal(unsigned)


@pytest.mark.parametrize(
    "text",
    [
        '{"model": "gpt", "model": "gpt"}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "[]",
        "null",
        "",
        "{",
        "\ufeff{}",
        "9" * 10_000,
    ],
    ids=range(9),
)
@pytest.mark.parametrize("name", [TOKENIZER, CONFIG])
def test_odd_json(name: str, text: str, unsigned: Path) -> None:
    (unsigned / name).write_text(text, encoding="utf-8")
    assert refusal(unsigned)


def test_a_whole_number_written_as_a_float_loads(unsigned: Path) -> None:
    """It passed the config's check, and then ended in a TypeError."""
    change_config(unsigned, lambda c: c["config"].update(n_layer=1.0, vocab_size=11.0, block_size=8.0))
    read_model(unsigned)


def test_a_crash_at_any_rename_leaves_old_new_or_a_refusal(
    tmp_path: Path, tiny: Callable[..., nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace
    outcomes: list[int | str] = []
    for crash_at in range(4):
        folder = tmp_path / str(crash_at)
        save(folder, tiny("gpt", seed=0, n_layer=1), CHARS)
        calls = 0

        def dying(source: Any, target: Any) -> None:
            nonlocal calls
            if calls == crash_at:  # noqa: B023  used within this turn of the loop
                raise OSError(28, "No space left on device")
            calls += 1
            replace(source, target)

        monkeypatch.setattr(os, "replace", dying)
        try:
            save(folder, tiny("gpt", seed=1, n_layer=1), CHARS)
        except OSError:
            assert crash_at < 3
        monkeypatch.setattr(os, "replace", replace)
        assert not list(folder.glob(".*")), "a temporary file was left"
        try:
            weight = read_model(folder)[0].get_parameter("lm_head.weight")
            models = [tiny("gpt", seed=seed, n_layer=1) for seed in (0, 1)]
            outcomes += [i for i, m in enumerate(models) if torch.equal(weight, m.get_parameter("lm_head.weight"))]
        except CheckpointError:
            outcomes.append("refused")
    assert outcomes == [0, "refused", "refused", 1]


@pytest.mark.parametrize("call", ["fsync", "fchmod"])
def test_a_crash_while_writing_leaves_the_old(
    call: str, folder: Path, tiny: Callable[..., nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def dying(*args: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, call, dying)
    with pytest.raises(OSError):
        save(folder, tiny("gpt", seed=1), CHARS)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_files_can_be_read_by_others(folder: Path) -> None:
    """mkstemp makes files that only their owner may read, which a web server's user often is not."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_the_digest_of_the_weights_is_the_one_in_the_config(folder: Path) -> None:
    digest = weights_sha256(folder)
    assert digest == read_json(folder / CONFIG)["sha256"][WEIGHTS]
    (folder / WEIGHTS).write_bytes(b"others")
    assert weights_sha256(folder) != digest
    (folder / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=r"good/model\.safetensors"):
        weights_sha256(folder)


def test_the_digest_follows_a_file_that_is_replaced_by_one_alike(folder: Path) -> None:
    """As long, and as old: `write_file` gives it another place on the disk."""
    path = folder / WEIGHTS
    status, digest = path.stat(), weights_sha256(folder)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    write_file(path, bytes(data))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert weights_sha256(folder) == hashlib.sha256(data).hexdigest() != digest


@pytest.mark.parametrize("data", [b"", b"[1]", b"{", b'{"a": 1, "a": 2}', b"\xff", b"[" * 100_000, b" " * 1_000_001])
def test_what_is_no_json_object_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"x\.json: "):
        read_json(tmp_path / "x.json")


@pytest.mark.parametrize("key", ["Digest", "sha257", "<script>", "x" * 100_000])
def test_an_unknown_key_of_a_config_is_refused(key: str, unsigned: Path) -> None:
    change_config(unsigned, lambda config: config.update({key: 1}))
    assert refusal(unsigned).startswith(f"good/config.json: unknown key '{key[:80]}")


def test_a_config_without_digests_loads(unsigned: Path) -> None:
    """Those made by hand, and those saved before configs carried a digest of themselves."""
    assert "digest" not in json.loads((unsigned / CONFIG).read_text())
    read_model(unsigned)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: rewrite(folder, lambda tensors: tensors.update({"é\n" * 50_000: torch.zeros(1)})),
        lambda folder: rewrite(folder, lambda tensors: tensors.update({"lm_head.weight": torch.zeros([1] * 9_999)})),
        lambda folder: change_config(folder, lambda config: config["config"].update({"x" * 100_000: 1})),
        lambda folder: change_config(folder, lambda config: config["config"].update(n_layer="x" * 100_000)),
        lambda folder: (folder / WEIGHTS).write_bytes(raw_safetensors('{"' + "y" * 100_000 + '": {"shape": 1}}')),
    ],
)
def test_a_refusal_is_one_short_line(change: Callable[[Path], Any], unsigned: Path) -> None:
    """One folder made the page 4 MB large."""
    change(unsigned)
    message = refusal(unsigned)
    assert message.isprintable()
    assert len(message) <= 500


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x/\0"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    """It raised ValueError or UnicodeEncodeError."""
    with pytest.raises(CheckpointError, match="no file can have this name"):
        nanogpt.load(Path(name))


def test_an_outline_has_the_shapes_and_no_weights(model: nn.Module, tmp_path: Path) -> None:
    save(tmp_path / "x", model, CHARS)
    outline, tokenizer = read_outline(tmp_path / "x")
    whole, _ = read_model(tmp_path / "x")
    assert [(n, p.shape) for n, p in outline.named_parameters()] == [(n, p.shape) for n, p in whole.named_parameters()]
    assert {p.device.type for p in outline.parameters()} == {"meta"}
    assert (outline.config, tokenizer.chars) == (whole.config, CHARS.chars)
    data = bytearray((tmp_path / "x" / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (tmp_path / "x" / WEIGHTS).write_bytes(data)
    read_outline(tmp_path / "x")  # the weights themselves are not read
    (tmp_path / "x" / WEIGHTS).write_bytes(data[:40])
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        read_outline(tmp_path / "x")


GOLDEN = Path(__file__).parent / "golden_checkpoint"


@pytest.mark.parametrize("has_digest", [True, False])
def test_a_checkpoint_of_version_0_5_still_gives_the_same_text(has_digest: bool, tmp_path: Path) -> None:
    """The folder was saved at version 0.5.0 and may never be written again; those of before carry no digest."""
    folder = Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
    if not has_digest:
        change_config(folder, lambda config: None)
    model = nanogpt.load(folder)
    text = nanogpt.generate(model, "abc", temperature=0.8, seed=1, max_new_tokens=60)
    assert text == "ajeaifjjbaaa\nhiecjbijefejajijbhejhagadhaafjaaajaaecjejhgaefc"


def test_what_is_saved_today_is_the_golden_checkpoint(tmp_path: Path) -> None:
    """A change of the format shows here: older programs must be able to read what newer ones save."""
    save(tmp_path / "again", *read_model(GOLDEN))
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        assert (tmp_path / "again" / name).read_bytes() == (GOLDEN / name).read_bytes()
