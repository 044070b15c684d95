"""The corpus: found or fetched, checked by digest, split into a training and a validation part.

Knows files and ids; knows no model.
"""

import hashlib
import http.client
import os
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from nanogpt.checks import shown
from nanogpt.text.tokenizer import CharTokenizer, describe_unknown, normalise

CORPUS_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
CORPUS_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


class DataError(Exception):
    """The corpus cannot be used; the message says which file and why."""


@dataclass(frozen=True)
class Corpus:
    """A text as ids: the first part to train on, the last `val_fraction` to be judged on."""

    train: Tensor  # (n,) int64
    val: Tensor  # (m,) int64
    tokenizer: CharTokenizer
    sha256: str
    left_out: str = ""  # a sentence on the characters that the vocabulary lacks

    @property
    def name(self) -> str:
        return "Tiny Shakespeare" if self.sha256 == CORPUS_SHA256 else f"text sha256:{self.sha256[:12]}"


def load_corpus(
    path: str | os.PathLike[str] | None = None,
    val_fraction: float = 0.1,
    *,
    tune: bool = False,
    tokenizer: CharTokenizer | None = None,
) -> Corpus:
    """Read `path`, else `$NANOGPT_DATA`, else Tiny Shakespeare from the cache or the network.

    With `tune`, the last 5 % of the training part stand in for validation, which stays unseen: settings are
    chosen there.

    Any UTF-8 text will do. The vocabulary is that of the whole text, as in every published figure on this
    corpus: it adds no information on the order of characters. A `tokenizer` that is given spells the text instead,
    and leaves out what it cannot. Raises DataError.
    """
    given = path or os.environ.get("NANOGPT_DATA")
    raw = _read(Path(given)) if given else _fetch()
    try:
        text = normalise(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{given}: not UTF-8 text ({error}).") from error
    if not text:
        raise DataError(f"{given}: the file is empty.")
    tokenizer = tokenizer or CharTokenizer.from_text(text)
    known, unknown = tokenizer.split_unknown(text)
    ids = torch.tensor([tokenizer.ids[c] for c in known], dtype=torch.long)
    n = int(len(ids) * (1 - val_fraction))
    train, val = ids[:n], ids[n:]
    if tune:
        n = int(n * 0.95)
        train, val = train[:n], train[n:]
    return Corpus(train, val, tokenizer, hashlib.sha256(raw).hexdigest(), describe_unknown(unknown))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}.") from error


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nanogpt"


def _fetch() -> bytes:
    """Tiny Shakespeare from the cache, or downloaded once. A wrong digest is never used and never kept."""
    target = cache_folder() / "tinyshakespeare.txt"
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
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: a length that is no number
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
