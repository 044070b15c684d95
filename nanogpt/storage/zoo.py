"""The checkpoints of a folder: listed, loaded when first asked for, loaded anew when their files are replaced.

A folder that cannot be loaded is listed with its reason; it never keeps the others from being offered.
"""

import threading
from pathlib import Path

from torch import nn

from nanogpt.checks import shown
from nanogpt.generation.text_model import TextModel
from nanogpt.models import MODELS
from nanogpt.models.packed import pack
from nanogpt.storage.checkpoint import CONFIG, CheckpointError, load
from nanogpt.text.tokenizer import CharTokenizer

Stamp = tuple[int, int, int]


class Zoo:
    """All checkpoints below `root`. Safe to use from many threads."""

    def __init__(self, root: str | Path):
        self.root = Path(root)
        self._lock = threading.RLock()
        self._models: dict[str, tuple[Stamp | None, TextModel]] = {}
        self._broken: dict[str, tuple[Stamp | None, str]] = {}

    def refresh(self) -> None:
        """Look at the folder again and load what is new; a replacement that does not load leaves the old one."""
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
            model, tokenizer = load(self.root / name)
        except CheckpointError as error:
            self._broken[name] = (stamp, str(error))
        else:
            parameters = sum(p.numel() for p in model.parameters())
            loaded = TextModel(name, self.root / name, pack(model), tokenizer, parameters, self._draft(tokenizer))
            self._models[name] = (stamp, loaded)
            self._broken.pop(name, None)

    def _draft(self, tokenizer: CharTokenizer) -> nn.Module | None:
        """Of the models of a short sight with this vocabulary, the one that sees furthest; they are loaded first."""
        small = (known for _, known in self._models.values() if getattr(known.model, "any_length", False))
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
