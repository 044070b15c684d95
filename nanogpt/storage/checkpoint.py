"""One folder ↔ one model.

A model's folder holds `model.safetensors`, `tokenizer.json` and, written last, `config.json` with the digests
of the other two and of itself: a folder that was cut off while being written never loads. No pickle: any
bytes offered as a checkpoint give a model or a `CheckpointError`, and run no code.
"""

import errno
import hashlib
import json
import os
import stat
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from nanogpt.checks import shortened
from nanogpt.models import build_model, config_values, kind_of, make_config
from nanogpt.models.base import LanguageModel
from nanogpt.storage.atomic import as_json, is_signed, signed, write_file, write_files
from nanogpt.storage.links import followed
from nanogpt.text.tokenizer import CharTokenizer

WEIGHTS, TOKENIZER, CONFIG, METRICS = "model.safetensors", "tokenizer.json", "config.json", "metrics.jsonl"
MAX_WEIGHTS_BYTES = 1_000_000_000
MAX_METRICS_BYTES = 100_000_000
MAX_JSON_BYTES = 1_000_000
MAX_TOKENIZER_BYTES = 2_000_000  # 65,536 characters, each in at most 20 bytes
STORED_TYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
CONFIG_KEYS = {"model", "config", "sha256", "digest"}


class CheckpointError(Exception):
    """The folder holds no usable model; the message says which file and why, in one line of limited length."""

    def __init__(self, message: str):
        super().__init__(shortened(message))


# --- reading -----------------------------------------------------------------------------------------------


def read_model(
    folder: str | os.PathLike[str], device: torch.device | str = "cpu"
) -> tuple[LanguageModel, CharTokenizer]:
    """The model in `folder`, in eval mode and float32, and its tokenizer. Raises CheckpointError.

    Checks run from cheap to expensive: regular files of sane size, digests, config within bounds, the shapes of the
    tensors against the shapes that the config implies, and only then is a model allocated.
    """
    folder = Path(folder)
    config, tokenizer, digests = _read_config(folder)
    weights = _verified(folder / WEIGHTS, MAX_WEIGHTS_BYTES, digests)
    return _fill(folder / WEIGHTS, config, weights).to(device), tokenizer


def read_outline(folder: str | os.PathLike[str]) -> tuple[LanguageModel, CharTokenizer]:
    """The model in `folder` without its weights, on the meta device, and its tokenizer. Raises CheckpointError.

    Of the weights, only the header is read: what else may be wrong with them is found by `read_model`.
    """
    folder = Path(folder)
    config, tokenizer, _ = _read_config(folder)
    header = read_file(folder / WEIGHTS, MAX_WEIGHTS_BYTES, only=8 + MAX_JSON_BYTES)
    return _outline(folder / WEIGHTS, config, header), tokenizer


def _read_config(folder: Path) -> tuple[Any, CharTokenizer, object]:
    """The model's config, its tokenizer, and the digests of its files."""
    config_json = read_json(folder / CONFIG)
    if extra := sorted(config_json.keys() - CONFIG_KEYS):  # a damaged name would hide the digest
        raise CheckpointError(f"{_where(folder / CONFIG)}: unknown key {extra[0][:80]!a}.")
    if "digest" in config_json and not is_signed(config_json):  # one made by hand may have none
        raise CheckpointError(f"{_where(folder / CONFIG)}: damaged: its digest is another.")
    digests = config_json.get("sha256", {})
    tokenizer_bytes = _verified(folder / TOKENIZER, MAX_TOKENIZER_BYTES, digests)
    try:
        config = make_config(str(config_json.get("model")), _object(config_json.get("config"), "config"))
        tokenizer = CharTokenizer.from_json(_parse(folder / TOKENIZER, tokenizer_bytes))
        if tokenizer.vocab_size != config.vocab_size:
            raise ValueError(f"vocab_size is {config.vocab_size}, the tokenizer has {tokenizer.vocab_size} characters.")
    except ValueError as error:
        raise CheckpointError(f"{folder.name}: {error}") from error
    return config, tokenizer, digests


def _outline(path: Path, config: Any, weights: bytes) -> LanguageModel:
    """The model on the meta device, if the header of `weights` declares the tensors that the config implies."""
    model = _without_weights(config)
    expected = {name: tuple(p.shape) for name, p in _stored(model).items()}
    found = _header_shapes(path, weights)
    if "lm_head.weight" in found and "lm_head.weight" not in expected:
        del found["lm_head.weight"]  # nanoGPT's own files hold a tied head twice
    if missing := sorted(expected.keys() - found.keys()):
        raise CheckpointError(f"{_where(path)}: {len(missing)} tensors are missing, first {missing[0]}.")
    if extra := sorted(found.keys() - expected.keys()):
        raise CheckpointError(f"{_where(path)}: {len(extra)} tensors too many, first {extra[0][:80]!a}.")
    for name, shape in expected.items():
        if found[name] != shape:
            raise CheckpointError(f"{_where(path)}: {name} has shape {found[name]}; the config implies {shape}.")
    return model


@lru_cache(maxsize=64)
def _without_weights(config: Any) -> LanguageModel:
    """A model of shapes without memory: a false config allocates nothing."""
    with torch.device("meta"):
        return build_model(config).eval()


def _fill(path: Path, config: Any, weights: bytes) -> LanguageModel:
    names = list(_stored(_outline(path, config, weights)))
    try:
        tensors = safetensors.torch.load(weights)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{_where(path)}: not a safetensors file ({error}).") from error
    for name in names:
        if tensors[name].dtype not in STORED_TYPES:
            raise CheckpointError(f"{_where(path)}: {name} is stored as {tensors[name].dtype}, which is not read here.")
        tensors[name] = tensors[name].float()  # before the next check: a float64 may be too large for float32
        if not tensors[name].isfinite().all():
            raise CheckpointError(f"{_where(path)}: {name} holds values that are not finite numbers.")
    model = build_model(config)
    model.load_state_dict({name: tensors[name] for name in names}, strict=not _is_tied(config))
    return model.eval()


def _header_shapes(path: Path, weights: bytes) -> dict[str, tuple[int, ...]]:
    """The shapes a safetensors file declares: 8 bytes of length, then JSON. Nothing else is read."""
    try:
        (length,) = struct.unpack_from("<Q", weights)
        if length > min(len(weights) - 8, MAX_JSON_BYTES):
            raise ValueError("its header is longer than the file")
        header = json.loads(weights[8 : 8 + length].decode("utf-8"), object_pairs_hook=_no_duplicates)
        return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    except (struct.error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{_where(path)}: not a safetensors file ({error}).") from error


def _stored(model: nn.Module) -> dict[str, Tensor]:
    """The tensors a file holds: the parameters, a tied head once."""
    return dict(model.named_parameters())


def _is_tied(config: Any) -> bool:
    return bool(getattr(config, "tie_weights", False))


def read_file(path: Path, most: int, *, only: int | None = None) -> bytes:
    """The bytes of a regular file of at most `most` bytes: no pipe, no device, no link but those of the Hub's cache.

    `only` reads no more than the first so many. Raises CheckpointError.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(followed(path), flags)
    except OSError as error:
        reason = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise CheckpointError(f"{_where(path)}: {reason}.") from error
    except ValueError as error:  # a null byte, or half a character
        raise CheckpointError(f"{_where(path)}: no file can have this name.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise CheckpointError(f"{_where(path)}: not a regular file.")
    with os.fdopen(descriptor, "rb") as f:
        if status.st_size > most:
            raise CheckpointError(f"{_where(path)}: {status.st_size:,} bytes; the limit is {most:,}.")
        return f.read(most + 1 if only is None else only)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a regular file of at most 1 MB, in which no key stands twice. Raises CheckpointError."""
    return _parse(path, read_file(path, MAX_JSON_BYTES))


def weights_sha256(folder: Path) -> str:
    """The digest of a model's weights file, as hexadecimal digits. Raises CheckpointError."""
    try:
        status = (folder / WEIGHTS).stat()
    except OSError as error:
        raise CheckpointError(f"{_where(folder / WEIGHTS)}: {error.strerror}.") from error
    return _digest_of(folder / WEIGHTS, status.st_ino, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=32)
def _digest_of(path: Path, *stamp: int) -> str:
    """The digest of a file, computed once until its stamp is another."""
    return hashlib.sha256(read_file(path, MAX_WEIGHTS_BYTES)).hexdigest()


def _verified(path: Path, most: int, digests: object) -> bytes:
    data = read_file(path, most)
    wanted = digests.get(path.name) if isinstance(digests, dict) else None
    if wanted is not None and hashlib.sha256(data).hexdigest() != wanted:
        raise CheckpointError(f"{_where(path)}: the digest is not the one in {CONFIG}: damaged, or being replaced.")
    return data


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    try:
        return _object(json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates), path.name)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{_where(path)}: {error}") from error


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a JSON object.")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice.")
    return dict(pairs)


def _where(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


# --- writing -----------------------------------------------------------------------------------------------


def save(
    folder: str | os.PathLike[str],
    model: LanguageModel,
    tokenizer: CharTokenizer,
    *,
    dtype: torch.dtype = torch.float32,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Write the model into `folder`; `weights` (name → tensor) stand in for its own, an average for instance."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = _packed(weights if weights is not None else _stored(model), dtype)
    vocabulary = as_json(tokenizer.to_json())
    config = {
        "model": kind_of(model.config),
        "config": config_values(model.config),
        "sha256": {name: hashlib.sha256(b).hexdigest() for name, b in ((WEIGHTS, data), (TOKENIZER, vocabulary))},
    }
    write_files({folder / WEIGHTS: data, folder / TOKENIZER: vocabulary, folder / CONFIG: signed(config)})


def _packed(tensors: dict[str, Tensor], dtype: torch.dtype) -> bytes:
    stored = {name: t.detach().to("cpu", dtype).contiguous() for name, t in tensors.items()}
    return safetensors.torch.save(stored, metadata={"format": "pt"})


def save_snapshot(folder: Path, step: int, weights: dict[str, Tensor]) -> None:
    """Keep the weights of one step in bfloat16, as `folder`/STEP.safetensors."""
    folder.mkdir(exist_ok=True)
    write_file(folder / f"{step:08d}.safetensors", _packed(weights, torch.bfloat16))


def metrics(folder: Path) -> list[dict[str, Any]]:
    """What a run has logged, a row a line; raises CheckpointError."""
    path = folder / METRICS
    return [_parse(path, line) for line in read_file(path, MAX_METRICS_BYTES).splitlines()]
