"""The saved states of a run: a folder of tensors and manifests from which the run goes on. Knows no model."""

import hashlib
import re
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from nanogpt.storage.atomic import is_signed, signed, write_file
from nanogpt.storage.checkpoint import MAX_WEIGHTS_BYTES, CheckpointError, read_file, read_json


def save_state(folder: Path, step: int, tensors: dict[str, Tensor], info: dict[str, Any], keep: int = 2) -> None:
    """Write a resumable state: tensors first, then their manifest with the digest; then drop all but `keep`."""
    folder.mkdir(parents=True, exist_ok=True)
    data = safetensors.torch.save({name: t.detach().cpu().contiguous() for name, t in tensors.items()})
    write_file(folder / f"{step:08d}.safetensors", data)
    manifest = {"step": step, "sha256": hashlib.sha256(data).hexdigest(), **info}
    write_file(folder / f"{step:08d}.json", signed(manifest))
    for old in _steps(folder)[keep:]:
        for suffix in (".json", ".safetensors"):  # manifest first: weights without one are never picked
            (folder / f"{old:08d}{suffix}").unlink(missing_ok=True)


def latest_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest state whose manifest and tensors are undamaged, as (tensors, manifest); None if there is none."""
    for step in _steps(folder):
        try:
            manifest = read_json(folder / f"{step:08d}.json")
            data = read_file(folder / f"{step:08d}.safetensors", 20 * MAX_WEIGHTS_BYTES)
            if is_signed(manifest) and hashlib.sha256(data).hexdigest() == manifest["sha256"]:
                return safetensors.torch.load(data), manifest
        except (CheckpointError, SafetensorError):
            continue
    return None


def _steps(folder: Path) -> list[int]:
    """Steps that have a manifest, newest first."""
    if not folder.is_dir():
        return []
    return sorted((int(p.stem) for p in folder.iterdir() if re.fullmatch(r"\d{8}\.json", p.name)), reverse=True)
