"""The checkpoints of a folder: listed, loaded, and loaded again when their files are replaced.

A folder that cannot be loaded is listed with the reason; the others are offered all the same.
"""

import os
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import torch

from nanogpt.checks import shown
from nanogpt.generation.text_model import TextModel
from nanogpt.models import MODELS, packed
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import CONFIG, CheckpointError, read_model
from nanogpt.storage.hub import located
from nanogpt.text.tokenizer import CharTokenizer

Stamp = tuple[int, int, int]


def load(
    source: str | os.PathLike[str],
    device: torch.device | str = "cpu",
    *,
    revision: str = "",
    pack: bool = True,
) -> TextModel:
    """The model of a checkpoint, in eval mode, with its tokenizer. Raises CheckpointError or HubError.

    `source` is a folder, or else, if it looks like USER/REPO, a repository of the Hugging Face Hub, and `revision` one
    of its branches, tags or commits.

    On the CPU its large linear layers are packed, as the page and the command line have them, so that one seed gives
    one text everywhere. With `pack` False every weight stays an ordinary parameter that can be seen and trained.
    """
    name, folder, notice = located(f"{source}@{revision}" if revision else source)
    if notice:
        warnings.warn(notice, stacklevel=2)
    model, tokenizer = read_model(folder, device)
    parameters = sum(p.numel() for p in model.parameters())
    if pack and model.device.type == "cpu":
        model = packed.pack(model)
    return TextModel(name, folder, model, tokenizer, parameters)


class Zoo:
    """All checkpoints below `root`. Safe to use from many threads."""

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self._lock = threading.RLock()
        self._models: dict[str, tuple[Stamp | None, TextModel]] = {}
        self._broken: dict[str, tuple[Stamp | None, str]] = {}

    def refresh(self) -> None:
        """Look at the folder again and load what is new; the old model stays where its replacement does not load."""
        with self._lock:
            names = self._names()
            for name in [*self._models, *self._broken]:
                if name not in names:
                    self._models.pop(name, None)
                    self._broken.pop(name, None)
            for name in names:
                self._refresh_one(name)

    def _names(self) -> list[str]:
        """Folders that offer a checkpoint: the models in the order of their table, then by name."""
        if not self.root.is_dir():
            return []
        order = {kind: i for i, kind in enumerate(MODELS)}
        found = [p.name for p in self.root.iterdir() if p.is_dir() and not p.name.startswith(".")]
        return sorted(found, key=lambda name: (order.get(name, len(order)), name))

    def _refresh_one(self, name: str) -> None:
        stamp = _stamp(self.root / name / CONFIG)
        known = self._models.get(name) or self._broken.get(name)
        if known and known[0] == stamp and stamp is not None and name not in self._broken:
            return
        try:
            loaded = load(self.root / name)
        except CheckpointError as error:
            self._broken[name] = (stamp, str(error))
        else:
            self._models[name] = (stamp, replace(loaded, draft=self._draft(loaded.tokenizer)))
            self._broken.pop(name, None)

    def _draft(self, tokenizer: CharTokenizer) -> LanguageModel | None:
        """Of the small models with this vocabulary, which are loaded first, the one with the largest context."""
        small = (known for _, known in self._models.values() if known.model.any_length)
        fitting = [known for known in small if known.tokenizer.chars == tokenizer.chars]
        return max(fitting, key=lambda known: known.block_size).model if fitting else None

    @property
    def names(self) -> list[str]:
        """The models that can be used, the n-grams first."""
        with self._lock:
            return [name for name in self._names() if name in self._models]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """(title, name) of the models that can be used, for a menu."""
        with self._lock:
            return [(self.get(name).title, name) for name in self.names]

    @property
    def problems(self) -> list[str]:
        """A sentence for each folder that could not be loaded, or for a root without any."""
        with self._lock:
            if not self._models and not self._broken:
                return [f"No checkpoints in {self.root.name}/. Train some with: python train.py"]
            return [
                f"{name} could not be loaded. {why}" + (" The earlier one stays." if name in self._models else "")
                for name, (_, why) in sorted(self._broken.items())
            ]

    def get(self, name: object) -> TextModel:
        """The model of that name. Raises ValueError with the list of names for anything else."""
        with self._lock:
            if not isinstance(name, str) or name not in self._models:
                known = ", ".join(map(shown, self.names)) or "none"
                raise ValueError(f"Unknown model {shown(name)}; the models are {known}.")
            return self._models[name][1]


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
