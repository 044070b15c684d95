"""The corpus: read or downloaded, checked by its digest, and split into a training and a validation part.

Knows files and ids; knows no model.
"""

import hashlib
import http.client
import os
import urllib.request
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from nanogpt.checks import shown
from nanogpt.text.tokenizer import CharTokenizer, describe_unknown, normalise

CORPUS_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
CACHED = "tinyshakespeare.txt"
CORPUS_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


class DataError(Exception):
    """The corpus cannot be used; the message says which file and why."""


@dataclass(frozen=True)
class Corpus:
    """A text as ids: the first part is for training, the last `val_fraction` for validation."""

    train: Tensor  # (n,) int64
    val: Tensor  # (m,) int64
    tokenizer: CharTokenizer
    sha256: str
    file: str = ""  # the name of its file, printable
    left_out: str = ""  # a sentence about the characters that are not in the vocabulary

    @property
    def name(self) -> str:
        if self.sha256 == CORPUS_SHA256:
            return "Tiny Shakespeare"
        return f"{self.file or 'a text'} (sha256 {self.sha256[:12]})"


def load_corpus(
    path: str | os.PathLike[str] | None = None,
    val_fraction: float = 0.1,
    *,
    tune: bool = False,
    tokenizer: CharTokenizer | None = None,
) -> Corpus:
    """Read `path`, else `$NANOGPT_DATA`, else Tiny Shakespeare from the cache or the network.

    With `tune`, the last 5 % of the training part replace the validation part, so that settings can be chosen
    without it.

    Any UTF-8 text is allowed; a byte order mark at its beginning is dropped. Without a `tokenizer`, the vocabulary is
    that of the whole text, as in all published results on this corpus: it tells nothing about the order of the
    characters. A `tokenizer` brings its own vocabulary; characters outside it are left out. Raises DataError.
    """
    raw, text, file = _read_text(path)
    tokenizer = tokenizer or CharTokenizer.from_text(text)
    known, unknown = tokenizer.split_unknown(text)
    ids = torch.tensor([tokenizer.ids[c] for c in known], dtype=torch.long)
    n = int(len(ids) * (1 - val_fraction))
    train, val = ids[:n], ids[n:]
    if tune:
        n = int(n * 0.95)
        train, val = train[:n], train[n:]
    return Corpus(train, val, tokenizer, hashlib.sha256(raw).hexdigest(), file, describe_unknown(unknown))


def read_text(path: str | os.PathLike[str] | None = None) -> str:
    """The text of `load_corpus` as one string, its line ends as LF. Raises DataError."""
    return _read_text(path)[1]


def _read_text(path: str | os.PathLike[str] | None) -> tuple[bytes, str, str]:
    """The bytes of the text, the text, and the printable name of its file."""
    if path is not None and not str(path).strip():
        raise DataError("data must be the path of a text file; got an empty one.")
    given = path or os.environ.get("NANOGPT_DATA")
    raw = _read(Path(given)) if given else _tiny_shakespeare()
    try:
        text = normalise(raw.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{given}: not UTF-8 text ({error}).") from error
    if "\0" in text:
        raise DataError(f"{given}: not a text but a binary file: it holds null characters.")
    if not text:
        raise DataError(f"{given}: the file is empty.")
    return raw, text, shown(Path(given).name, 80) if given else CACHED


def corpus_at_hand() -> Corpus | None:
    """The corpus if it lies on this machine: `$NANOGPT_DATA`, else Tiny Shakespeare in the cache. Downloads nothing."""
    given = os.environ.get("NANOGPT_DATA")
    path = Path(given) if given else cache_folder() / CACHED
    try:
        corpus = _held(path, path.stat().st_mtime_ns)
    except (OSError, DataError):
        return None
    return corpus if given or corpus.sha256 == CORPUS_SHA256 else None  # a damaged download is never used


@lru_cache(maxsize=1)
def _held(path: Path, changed: int) -> Corpus:
    """The corpus of a file, kept until the file changes."""
    return load_corpus(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}.") from error


def cache_folder() -> Path:
    """Where downloads and distillation targets are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nanogpt"


def _tiny_shakespeare() -> bytes:
    """Tiny Shakespeare from the cache, or downloaded once. Data with a wrong digest is neither used nor kept."""
    target = cache_folder() / CACHED
    if target.is_file() and hashlib.sha256(raw := target.read_bytes()).hexdigest() == CORPUS_SHA256:
        return raw
    try:
        with urllib.request.urlopen(CORPUS_URL, timeout=30) as reply:
            total = int(reply.headers.get("Content-Length") or 0) or None
            chunks = []
            with tqdm(total=total, unit="B", unit_scale=True, desc="Tiny Shakespeare") as bar:
                while chunk := reply.read(1 << 16):
                    chunks.append(chunk)
                    bar.update(len(chunk))
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: Content-Length is not a number
        raise DataError(
            f"Tiny Shakespeare could not be downloaded from {CORPUS_URL} ({shown(str(error), 200)}). "
            "Give a local copy with --data PATH or the environment variable NANOGPT_DATA."
        ) from error
    raw = b"".join(chunks)
    digest = hashlib.sha256(raw).hexdigest()
    if digest != CORPUS_SHA256:
        raise DataError(f"{CORPUS_URL}: wrong digest {digest}; expected {CORPUS_SHA256}. Nothing was kept.")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    partial.write_bytes(raw)
    partial.replace(target)
    return raw
