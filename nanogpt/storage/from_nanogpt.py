"""Checkpoints of karpathy/nanoGPT as checkpoints of this project.

This is the only place that reads pickles, which are programs: nothing in one is executed, because tensors are read by
torch's weights-only reader and a vocabulary by a reader that knows no class. Before a model is kept, its logits are
compared with nanoGPT's arithmetic on the weights of the file.
"""

import io
import math
import os
import pickle
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.nn import functional as F

from nanogpt.checks import number, shown
from nanogpt.models import build_model, make_config
from nanogpt.models.base import LanguageModel
from nanogpt.storage.atomic import write_file
from nanogpt.storage.checkpoint import (
    MAX_JSON_BYTES,
    MAX_WEIGHTS_BYTES,
    STORED_TYPES,
    CheckpointError,
    read_file,
    save,
)
from nanogpt.storage.portable import CARD, clear
from nanogpt.text.markdown import code, plain
from nanogpt.text.tokenizer import CharTokenizer

MAX_PICKLE_BYTES = 4_000_000_000  # weights in float32 and two moments of AdamW beside them
MAX_META_BYTES = 10_000_000
LARGEST_DIFFERENCE = 1e-4  # between our logits and nanoGPT's
MODEL_ARGS = ("n_layer", "n_head", "n_embd", "block_size", "bias", "vocab_size", "dropout")
AS_NANOGPT = {"position": "learned", "activation": "gelu", "qk_norm": False, "n_context": 1, "zero_init": False}
GPT2_SIZES = (50257, 50304)  # of GPT-2's vocabulary, as it is and padded to a multiple of 64
WTE, WPE, HEAD = "transformer.wte.weight", "transformer.wpe.weight", "lm_head.weight"
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Imported:
    """A model of nanoGPT that was found to be the same here."""

    model: LanguageModel
    tokenizer: CharTokenizer
    difference: float  # the largest between the logits of both
    file: str  # the name of its file, for a card
    steps: float | None  # of its training, if the file tells them
    loss: float | None  # the lowest on the validation text, in nats per character, if the file tells it

    @property
    def parameters(self) -> int:
        """How many weights the model has, a tied head once."""
        return sum(p.numel() for p in self.model.parameters())


def read_nanogpt(checkpoint: Path, vocabulary: Path | None) -> Imported:
    """The model in nanoGPT's ckpt.pt, in float32, with the characters in its meta.pkl. Raises CheckpointError.

    The file's own `model_args` are the config. All of them but n_head and dropout are checked against the shapes of the
    weights. No shape and no comparison can show a wrong n_head, because both sides of the comparison take it from the
    file; it gives another model in nanoGPT as well.
    """
    found = _read_checkpoint(checkpoint)
    try:
        weights, args = _named_weights(found["model"]), _checked_args(found["model_args"])
        _compare_args(args, weights)
        config = make_config("gpt", {**args, **AS_NANOGPT})
        _compare_shapes(config, weights)
        weights = _in_float32(weights)
    except ValueError as error:
        raise CheckpointError(f"{checkpoint.name}: {error}") from error
    tokenizer = _read_vocabulary(checkpoint, vocabulary, config.vocab_size)
    model = build_model(replace(config, tie_weights=torch.equal(weights[HEAD], weights[WTE])))
    model.load_state_dict(weights)
    difference = _difference(model.eval(), weights, args)
    if not difference <= LARGEST_DIFFERENCE:
        raise CheckpointError(
            f"{checkpoint.name}: the logits differ from nanoGPT's by {difference:.2g}; nothing was kept."
        )
    file = shown(checkpoint.name, 100)
    steps, loss = _told(found.get("iter_num"), 10**12), _told(found.get("best_val_loss"), 1000)
    return Imported(model, tokenizer, difference, file, steps, loss)


def keep(imported: Imported, folder: Path) -> None:
    """Write an imported model into a checkpoint folder, its weights as they were, with a card. Raises OSError."""
    clear(folder)
    save(folder, imported.model, imported.tokenizer)
    write_file(folder / CARD, _card(imported, folder.name).encode())


def _card(imported: Imported, name: str) -> str:
    """The model card, as Markdown."""
    from nanogpt.storage.hub.front_matter import card_front  # the Hub's library takes long to import

    rows = f"| parameters | {imported.parameters:,} |\n"
    if imported.steps is not None:
        rows += f"| steps, by the file's `iter_num` | {imported.steps:,.0f} |\n"
    if imported.loss is not None:
        rows += f"| validation loss, by the file's `best_val_loss` | {imported.loss:.4f} nats per character |\n"
    return f"""{card_front(name, "gpt")}
# {plain(name)}

This GPT of single characters was imported from {code(imported.file)}, a checkpoint of
[nanoGPT](https://github.com/karpathy/nanoGPT), by `python -m nanogpt import`.

| | |
|---|---|
{rows}| largest difference between its logits and nanoGPT's | {imported.difference:.1g} |
| licence | not stated |
"""


# --- the checkpoint ----------------------------------------------------------------------------------------


def _read_checkpoint(path: Path) -> dict[str, Any]:
    """What train.py of nanoGPT saves, with its `model` and `model_args`, both dictionaries."""
    data = read_file(Path(os.path.realpath(path)), MAX_PICKLE_BYTES)  # a large file is often a link to another disk
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            if sum(part.file_size for part in parts.infolist()) > len(data):
                raise ValueError("compressed, which torch.save never does: it could fill the memory")
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, and its own text suggests to execute the file
        raise CheckpointError(
            f"{path.name}: not a file of torch.save that holds only tensors and plain values."
        ) from error
    if not isinstance(found, dict) or not all(isinstance(found.get(key), dict) for key in ("model", "model_args")):
        raise CheckpointError(f"{path.name}: not a checkpoint of nanoGPT's train.py: it has no model and model_args.")
    return found


def _named_weights(found: dict[Any, Any]) -> Weights:
    """The weights under nanoGPT's names, as they are stored. Raises ValueError."""
    weights = {str(name).removeprefix("_orig_mod."): t for name, t in found.items()}  # torch.compile's prefix
    # older versions keep the mask of each layer
    weights = {name: t for name, t in weights.items() if not name.endswith((".attn.bias", ".attn.masked_bias"))}
    for name, t in weights.items():
        if not _is_plain(t):
            raise ValueError(f"{shown(name, 80)} is not an ordinary tensor of floating-point numbers.")
    for name in (WTE, WPE):
        if name not in weights or weights[name].ndim != 2:
            raise ValueError(f"model has no matrix {name}, as nanoGPT's models have.")
    return weights


def _is_plain(value: object) -> bool:
    """Whether a value of the file is a tensor whose numbers lie in memory: not sparse, not of the meta device."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dtype in STORED_TYPES
    )


def _checked_args(found: dict[Any, Any]) -> dict[str, Any]:
    """The model_args, none missing and none unknown: one that is ignored may mean another model. Raises ValueError."""
    args = {"bias": True, **found}  # older versions have no such option, and always biases
    if args.keys() != set(MODEL_ARGS):
        names = ", ".join(map(str, args))
        raise ValueError(f"model_args must be {', '.join(MODEL_ARGS)}; got {shown(names, 200)}.")
    return args


def _told(value: object, most: float) -> float | None:
    """A number from 0 to `most` that the file tells of its training, or None: anything may stand there."""
    if isinstance(value, Tensor) and _is_plain(value) and value.numel() == 1:
        value = value.item()
    try:
        return number("", value, 0, most)
    except ValueError:
        return None


def _compare_args(args: dict[str, Any], weights: Weights) -> None:
    """Raise ValueError if an argument is not what the weights say."""
    (vocab_size, n_embd), block_size = weights[WTE].shape, len(weights[WPE])
    n_layer = len({name.split(".")[2] for name in weights if name.startswith("transformer.h.")})
    seen = {"n_layer": n_layer, "n_embd": n_embd, "block_size": block_size, "vocab_size": vocab_size}
    for name, size in {**seen, "bias": "transformer.ln_f.bias" in weights}.items():
        if type(args[name]) is not type(size) or args[name] != size:
            raise ValueError(f"{name} is {shown(repr(args[name]))} in model_args, but {size} in the weights.")


def _compare_shapes(config: Any, weights: Weights) -> None:
    """Raise ValueError if the weights have other names or shapes than the config implies. Allocates nothing."""
    with torch.device("meta"):
        wanted = {name: tuple(p.shape) for name, p in build_model(config).named_parameters()}
    if missing := sorted(wanted.keys() - weights.keys() - {HEAD}):  # a tied head may be left out
        raise ValueError(f"model_args imply {len(missing)} weights that are missing, first {missing[0]}.")
    if extra := sorted(weights.keys() - wanted.keys()):
        raise ValueError(f"{len(extra)} weights more than model_args imply, first {shown(extra[0], 80)}.")
    for name, t in weights.items():
        if tuple(t.shape) != wanted[name]:
            raise ValueError(f"{name} has shape {tuple(t.shape)}; model_args imply {wanted[name]}.")
    size = 4 * sum(map(math.prod, wanted.values()))
    if size + MAX_JSON_BYTES > MAX_WEIGHTS_BYTES:
        raise ValueError(f"{size:,} bytes of weights; the limit is {MAX_WEIGHTS_BYTES - MAX_JSON_BYTES:,}.")


def _in_float32(weights: Weights) -> Weights:
    """The weights in float32, with a head that is left out because it is the embedding. Raises ValueError."""
    weights = {name: t.float() for name, t in weights.items()}
    for name, t in weights.items():
        if not t.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite numbers.")
    return {HEAD: weights[WTE], **weights}


# --- the vocabulary ----------------------------------------------------------------------------------------


class _NothingCalled(pickle._Unpickler):
    """Reads numbers, texts, lists and dictionaries; whatever would have to be called is refused.

    The class in Python, because the one in C takes as much memory as a number in the file says.
    """

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it would call {module}.{name}")


def _read_vocabulary(checkpoint: Path, path: Path | None, vocab_size: int) -> CharTokenizer:
    if path is None:
        wanted = "its characters are missing: give the meta.pkl of its data, like data/shakespeare_char/meta.pkl."
        if vocab_size in GPT2_SIZES:
            wanted = f"a vocabulary of {vocab_size:,} is that of GPT-2's tokens, but the models here write characters."
        raise CheckpointError(f"{checkpoint.name}: {wanted}")
    data = read_file(Path(os.path.realpath(path)), MAX_META_BYTES)
    try:
        found = _NothingCalled(io.BytesIO(data)).load()
        itos = found.get("itos") if isinstance(found, dict) else None
        if not isinstance(itos, dict) or itos.keys() != set(range(len(itos))):
            raise ValueError("itos must have a character for each id from 0 on.")
        tokenizer = CharTokenizer.from_json({"type": "char", "chars": [itos[i] for i in range(len(itos))]})
    except Exception as error:  # a damaged pickle raises anything
        reason = shown(str(error).rstrip("."), 200)
        raise CheckpointError(f"{path.name}: not a meta.pkl of characters: {reason}.") from error
    if tokenizer.vocab_size != vocab_size:
        raise CheckpointError(
            f"{path.name} has {tokenizer.vocab_size:,} characters, but vocab_size is {vocab_size:,} in "
            f"{checkpoint.name}."
        )
    return tokenizer


# --- the comparison ----------------------------------------------------------------------------------------


@torch.no_grad()
def _difference(model: LanguageModel, weights: Weights, args: dict[str, Any]) -> float:
    """The largest difference between the logits of `model` and of nanoGPT, in a full window and in a short one."""
    generator = torch.Generator().manual_seed(0)
    worst = []
    for length in (args["block_size"], max(1, args["block_size"] // 3)):
        ids = torch.randint(args["vocab_size"], (length,), generator=generator)
        worst.append((model(ids[None])[0] - _nanogpt_logits(weights, ids, args)).abs().max())
    return torch.stack(worst).max().item()  # Python's max would lose a NaN


def _nanogpt_logits(w: Weights, ids: Tensor, args: dict[str, Any]) -> Tensor:
    """nanoGPT's arithmetic in its own order: ids (T,) → (T, V).

    https://github.com/karpathy/nanoGPT/blob/master/model.py
    """
    T, C, heads = len(ids), args["n_embd"], args["n_head"]
    later = torch.ones(T, T, dtype=torch.bool).triu(1)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (C,), w[f"{name}.weight"], w.get(f"{name}.bias"), 1e-5)

    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][:T]
    for h in (f"transformer.h.{layer}" for layer in range(args["n_layer"])):
        q, k, v = (
            part.view(T, heads, C // heads).transpose(0, 1)  # (heads, T, C / heads)
            for part in linear(norm(x, f"{h}.ln_1"), f"{h}.attn.c_attn").split(C, dim=-1)
        )
        scores = (q @ k.transpose(1, 2) / math.sqrt(C // heads)).masked_fill(later, -math.inf)
        read = (scores.softmax(-1) @ v).transpose(0, 1).reshape(T, C)
        x = x + linear(read, f"{h}.attn.c_proj")
        x = x + linear(F.gelu(linear(norm(x, f"{h}.ln_2"), f"{h}.mlp.c_fc")), f"{h}.mlp.c_proj")
    return F.linear(norm(x, "transformer.ln_f"), w["lm_head.weight"])
