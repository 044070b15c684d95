"""The checkpoints of some folders: listed, loaded when they are first used, and again when their files are replaced.

A folder that cannot be used is reported to the operator, once for each change of its files; the others are offered all
the same.
"""

import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from nanogpt.checks import shown
from nanogpt.generation.text_model import TextModel
from nanogpt.models import MODELS, packed
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import CONFIG, TOKENIZER, WEIGHTS, CheckpointError, read_model, read_outline
from nanogpt.storage.hub import located
from nanogpt.text.tokenizer import CharTokenizer

LOG = logging.getLogger(__name__)
Stamps = tuple[tuple[int, ...], ...]  # what tells whether any file of a folder was replaced or changed
SETTLED = 1.0  # seconds: a folder that has changed since may be half replaced, and is not reported yet
ATTEMPTS = 5  # to load a folder whose files are being replaced


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
    found = _text_model(name, folder, *read_model(folder, device))
    return replace(found, model=packed.pack(found.model)) if pack and found.model.device.type == "cpu" else found


def _text_model(name: str, folder: Path, model: LanguageModel, tokenizer: CharTokenizer) -> TextModel:
    return TextModel(name, folder, model, tokenizer, sum(p.numel() for p in model.parameters()))


@dataclass(eq=False)
class Offer:
    """The files of a folder as they were at `stamps`: what they hold without weights, and the model once it is used."""

    outline: TextModel
    stamps: Stamps
    loaded: TextModel | None = None
    loading: threading.Lock = field(default_factory=threading.Lock)


class Zoo:
    """All checkpoints of some places. Safe to use from many threads.

    Args:
        roots: folders of checkpoint folders, or single checkpoint folders. Of two with one name, the first is offered.
        repositories: USER/REPO → the folder of a download from the Hub.
        report: called with a sentence for each folder that cannot be used; by default it goes to the log.
    """

    def __init__(
        self,
        *roots: str | Path,
        repositories: Mapping[str, Path] | None = None,
        report: Callable[[str], object] = LOG.warning,
    ):
        self.roots = [Path(root) for root in roots]
        self.repositories = dict(repositories or {})
        self.report = report
        self._lock = threading.RLock()
        self._folders: dict[str, Path] = {}  # every folder, as it was last looked at, by its name
        self._examined: dict[str, Stamps] = {}  # every folder, by its name; names that are left out have no stamps
        self._offers: dict[str, Offer] = {}  # those whose newest files can be used, as far as is known
        self._problems: dict[str, str] = {}  # what is still to be reported
        self._good: dict[str, Offer] = {}  # those of which a model was loaded: it serves until a newer one is

    def refresh(self) -> None:
        """Look at all folders again, without loading a model."""
        with self._lock:
            self._folders = self._look()
            for name in [*self._examined]:
                if name not in self._folders:
                    for known in (self._examined, self._offers, self._problems, self._good):
                        known.pop(name, None)
            for name in self._folders:
                self._examine(name)

    def _look(self) -> dict[str, Path]:
        """All folders that may hold a checkpoint, by their name."""
        found: dict[str, Path] = {}
        for root in self.roots:
            if root.is_dir():
                inside = [root] if (root / CONFIG).exists() else root.iterdir()
                folders = [p for p in inside if p.is_dir() and not p.name.startswith(".")]
                found = {p.name: p for p in folders} | found
        return found | self.repositories

    def _examine(self, name: str) -> None:
        """Note what is in a folder whose files have changed."""
        stamps = _stamps(self._folders[name])
        if self._examined.get(name) == stamps:
            self._report_when_settled(name)
            return
        self._examined[name] = stamps
        self._problems.pop(name, None)
        try:
            name.encode()
            outline = _text_model(name, self._folders[name], *read_outline(self._folders[name]))
        except UnicodeEncodeError:
            self._problems[name] = f"The folder {shown(name)} is left out: its name is not UTF-8."
        except CheckpointError as error:
            self._reject(name, error)
        else:
            self._offers[name] = Offer(outline, stamps)
        self._report_when_settled(name)

    def _reject(self, name: str, error: CheckpointError) -> None:
        self._offers.pop(name, None)
        rest = " The earlier one stays." if name in self._good else ""
        self._problems[name] = f"{name} could not be loaded. {error}{rest}"

    def _report_when_settled(self, name: str) -> None:
        if name in self._problems and time.time() - _changed(self._folders[name]) >= SETTLED:
            self.report(self._problems.pop(name))

    @property
    def root(self) -> Path:
        """The first of the folders."""
        return self.roots[0]

    @property
    def names(self) -> list[str]:
        """The models that can be used: in the order of the table of models, then by name."""
        order = {kind: i for i, kind in enumerate(MODELS)}
        with self._lock:
            return sorted(self._offers | self._good, key=lambda name: (order.get(name, len(order)), name))

    @property
    def choices(self) -> list[tuple[str, str]]:
        """(title, name) of the models that can be used, for a menu."""
        with self._lock:
            return [(self.outline(name).title, name) for name in self.names]

    @property
    def notice(self) -> str:
        """A sentence for visitors where no model can be used, else ""."""
        if self.names:
            return ""
        places = [f"{shown(root.name)}/" for root in self.roots]
        return f"No checkpoints in {' or '.join(places) or 'reach'}. Train some with: python train.py"

    def outline(self, name: object) -> TextModel:
        """The model of that name without weights, for its title, its parts and its sizes; nothing is loaded.

        Raises ValueError with the list of names for anything else.
        """
        with self._lock:
            return self._offer(name).outline

    def _offer(self, name: object) -> Offer:
        if isinstance(name, str) and name in self._examined:
            self._examine(name)
        offer = (self._offers.get(name) or self._good.get(name)) if isinstance(name, str) else None
        if offer is None:
            known = ", ".join(map(shown, self.names)) or "none"
            raise ValueError(f"Unknown model {shown(name)}; the models are {known}.")
        return offer

    def get(self, name: object) -> TextModel:
        """The model of that name, as its files are now, loaded if it was not. Raises ValueError as `outline` does.

        While a newer one is being loaded for another thread, the earlier one is given.
        """
        for _ in range(ATTEMPTS):
            with self._lock:
                offer = self._offer(name)
                good = self._good.get(offer.outline.name)
            if offer.loaded is None and offer.loading.acquire(blocking=good is None):
                try:
                    if offer.loaded is None:
                        self._load(offer)
                finally:
                    offer.loading.release()
            found = offer.loaded or (good and good.loaded)
            if found:
                return found
        raise ValueError(f"The files of model {shown(name)} are being replaced. Ask again in a moment.")

    def _load(self, offer: Offer) -> None:
        """Load the model of an offer. Where its files are no longer those of the offer, nothing is done."""
        name, folder = offer.outline.name, offer.outline.folder
        try:
            loaded, problem = replace(load(folder), name=name), None
        except CheckpointError as error:
            loaded, problem = None, error
        with self._lock:
            # Files that were replaced while they were read prove nothing: they are examined again.
            if self._offers.get(name) is not offer or _stamps(folder) != offer.stamps:
                return
            if problem:
                self._reject(name, problem)
                self._report_when_settled(name)
        if loaded:
            offer.loaded = replace(loaded, draft=self._draft(offer.outline))
            with self._lock:
                self._good[name] = offer

    def _draft(self, outline: TextModel) -> LanguageModel | None:
        """Of the small models with this vocabulary, the one with the largest context; a small model itself has none."""
        if outline.model.any_length:
            return None
        with self._lock:
            others = [offer.outline for offer in (self._good | self._offers).values()]
        small = [o for o in others if o.model.any_length and o.tokenizer.chars == outline.tokenizer.chars]
        for other in sorted(small, key=lambda o: o.block_size, reverse=True):
            try:
                return self.get(other.name).model
            except ValueError:  # damaged: it was reported
                continue
        return None


def _stamps(folder: Path) -> Stamps:
    """The stamps of a folder's three files; empty for one that cannot be found."""
    return tuple(_stamp(folder / name) for name in (CONFIG, TOKENIZER, WEIGHTS))


def _changed(folder: Path) -> float:
    """When a folder or one of its files was last changed, in seconds since the epoch."""
    stamps = (_stamp(path) for path in (folder, *(folder / name for name in (CONFIG, TOKENIZER, WEIGHTS))))
    return max((stamp[1] for stamp in stamps if stamp), default=0) / 1e9


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size
