"""Checkpoints of karpathy/nanoGPT as checkpoints of this project.

This is the only place that reads pickles, which are programs: nothing in one is executed, because tensors are read by
torch's weights-only reader and a vocabulary by a reader that knows no class. Before a model is kept, its logits are
compared with nanoGPT's arithmetic on the weights of the file.
"""

import io
import math
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor
from torch.nn import functional as F

from nanogpt.checks import shown, whole
from nanogpt.models import build_model, make_config
from nanogpt.models.base import LanguageModel
from nanogpt.models.ranges import RANGES
from nanogpt.storage.atomic import write_file
from nanogpt.storage.checkpoint import MAX_JSON_BYTES, MAX_WEIGHTS_BYTES, CheckpointError, read_file, save
from nanogpt.text.tokenizer import CharTokenizer

MAX_PICKLE_BYTES = 4_000_000_000  # weights in float32 and two moments of AdamW beside them
LARGEST_DIFFERENCE = 1e-4  # between our logits and nanoGPT's
SIZES = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size")
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Imported:
    """A model of nanoGPT that was found to be the same here."""

    model: LanguageModel
    tokenizer: CharTokenizer
    difference: float  # the largest between the logits of both
    steps: int  # of its training; 0 if the file does not say


def read_nanogpt(checkpoint: Path, vocabulary: Path | None) -> Imported:
    """The model in nanoGPT's ckpt.pt, with the characters in its meta.pkl.

    The file's own `model_args` are the config. All of them but n_head can be checked against the shapes of the weights;
    a wrong n_head gives another model in nanoGPT as well. Raises CheckpointError.
    """
    weights, sizes, steps = _read_checkpoint(checkpoint)
    if vocabulary is None:
        raise CheckpointError(
            f"{checkpoint.name}: its {sizes['vocab_size']:,} characters are missing: give the meta.pkl of its data, "
            "like data/shakespeare_char/meta.pkl. A model of GPT-2's tokens has none; the models here write characters."
        )
    tokenizer = _read_vocabulary(vocabulary)
    if tokenizer.vocab_size != sizes["vocab_size"]:
        raise CheckpointError(
            f"{vocabulary.name} has {tokenizer.vocab_size:,} characters, the model {sizes['vocab_size']:,}."
        )
    is_tied = torch.equal(weights["lm_head.weight"], weights["transformer.wte.weight"])
    try:
        config = make_config(
            "gpt",
            {
                **sizes, "bias": "transformer.ln_f.bias" in weights, "position": "learned", "activation": "gelu",
                "qk_norm": False, "tie_weights": is_tied, "n_context": 1, "zero_init": False,
            },
        )  # fmt: skip
        with torch.device("meta"):  # shapes without memory: model_args may say anything
            outline = build_model(config)
    except ValueError as error:
        raise CheckpointError(f"{checkpoint.name}: {error}") from error
    _compare_shapes(checkpoint.name, weights, outline)
    if (size := 4 * sum(p.numel() for p in outline.parameters())) > MAX_WEIGHTS_BYTES:
        raise CheckpointError(f"{checkpoint.name}: {size:,} bytes of weights; the limit is {MAX_WEIGHTS_BYTES:,}.")
    model = build_model(config)
    model.load_state_dict(weights)
    model.eval()
    difference = _difference(model, weights, sizes)
    if not difference <= LARGEST_DIFFERENCE:
        raise CheckpointError(
            f"{checkpoint.name}: the logits differ from nanoGPT's by {difference:.2g}; nothing was kept."
        )
    return Imported(model, tokenizer, difference, steps)


def keep(imported: Imported, folder: Path) -> None:
    """Write an imported model into a checkpoint folder, its weights as they were, with a card."""
    from nanogpt.storage.hub.front_matter import card_front  # the Hub's library takes long to import

    save(folder, imported.model, imported.tokenizer)
    card = (
        f"{card_front(folder.name, 'gpt')}\n# {folder.name}\n\nThis GPT of single characters was trained with "
        f"[nanoGPT](https://github.com/karpathy/nanoGPT) for {imported.steps:,} steps, and imported with\n"
        f"`python -m nanogpt import`. Its logits differ from nanoGPT's by at most {imported.difference:.1g}.\n"
    )
    write_file(folder / "README.md", card.encode())


def _read_checkpoint(path: Path) -> tuple[Weights, dict[str, int], int]:
    """The weights under nanoGPT's names, its sizes by name, and the steps it was trained for."""
    data = read_file(path, MAX_PICKLE_BYTES)
    try:
        found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, and its own text suggests to execute the file
        raise CheckpointError(
            f"{path.name}: not a file of torch.save that holds only tensors and plain values."
        ) from error
    try:
        given, args = dict(found["model"]), dict(found["model_args"])
        weights = {str(name).removeprefix("_orig_mod."): t for name, t in given.items()}
        if not all(isinstance(t, Tensor) and t.is_floating_point() for t in weights.values()):
            raise TypeError("model holds something else than weights")
        embedding = weights["transformer.wte.weight"]
        sizes = {name: whole(name, args[name], *map(int, RANGES[name])) for name in SIZES}
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path.name}: not a checkpoint of nanoGPT's train.py: {shown(str(error), 200)}."
        ) from error
    # A head that is tied to the embedding may be left out; older versions keep each layer's mask.
    weights = {name: t.float() for name, t in weights.items() if not name.endswith((".attn.bias", ".attn.masked_bias"))}
    weights.setdefault("lm_head.weight", embedding.float())
    if bool(args.get("bias", True)) != ("transformer.ln_f.bias" in weights):
        is_there = "are" if "transformer.ln_f.bias" in weights else "are not"
        raise CheckpointError(
            f"{path.name}: model_args has bias {shown(args.get('bias'))}; biases {is_there} among the weights."
        )
    steps = found.get("iter_num")
    return weights, sizes, steps if isinstance(steps, int) else 0


def _compare_shapes(name: str, found: Weights, model: LanguageModel) -> None:
    wanted = {key: tuple(t.shape) for key, t in model.state_dict().items()}
    if missing := sorted(wanted.keys() - found.keys()):
        raise CheckpointError(f"{name}: model_args imply {len(missing)} weights that are missing, first {missing[0]}.")
    if extra := sorted(found.keys() - wanted.keys()):
        raise CheckpointError(f"{name}: {len(extra)} weights more than model_args imply, first {shown(extra[0], 80)}.")
    for key, shape in wanted.items():
        if tuple(found[key].shape) != shape:
            raise CheckpointError(f"{name}: {key} has shape {tuple(found[key].shape)}; model_args imply {shape}.")


class _NothingCalled(pickle.Unpickler):
    """Reads numbers, texts, lists and dictionaries; whatever would have to be called is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it would call {module}.{name}")


def _read_vocabulary(path: Path) -> CharTokenizer:
    data = read_file(path, 10 * MAX_JSON_BYTES)
    try:
        found = _NothingCalled(io.BytesIO(data)).load()
        characters = found["itos"]
        return CharTokenizer([characters[i] for i in range(len(characters))])
    except Exception as error:  # a damaged pickle raises anything
        raise CheckpointError(f"{path.name}: not a meta.pkl of characters: {shown(str(error), 200)}.") from error


@torch.no_grad()
def _difference(model: LanguageModel, weights: Weights, sizes: dict[str, int]) -> float:
    """The largest difference between the logits of `model` and of nanoGPT, in a full window and in a short one."""
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for length in (sizes["block_size"], max(1, sizes["block_size"] // 3)):
        ids = torch.randint(sizes["vocab_size"], (length,), generator=generator)
        worst = max(worst, (model(ids[None])[0] - _nanogpt_logits(weights, ids, sizes)).abs().max().item())
    return worst


def _nanogpt_logits(w: Weights, ids: Tensor, sizes: dict[str, int]) -> Tensor:
    """nanoGPT's model.py (https://github.com/karpathy/nanoGPT) in its own order: ids (T,) → (T, V)."""
    T, C, heads = len(ids), sizes["n_embd"], sizes["n_head"]
    later = torch.ones(T, T, dtype=torch.bool).triu(1)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (C,), w[f"{name}.weight"], w.get(f"{name}.bias"), 1e-5)

    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][:T]
    for h in (f"transformer.h.{layer}" for layer in range(sizes["n_layer"])):
        q, k, v = (
            part.view(T, heads, C // heads).transpose(0, 1)  # (heads, T, C / heads)
            for part in linear(norm(x, f"{h}.ln_1"), f"{h}.attn.c_attn").split(C, dim=-1)
        )
        scores = (q @ k.transpose(1, 2) / math.sqrt(C // heads)).masked_fill(later, -math.inf)
        read = (scores.softmax(-1) @ v).transpose(0, 1).reshape(T, C)
        x = x + linear(read, f"{h}.attn.c_proj")
        x = x + linear(F.gelu(linear(norm(x, f"{h}.ln_2"), f"{h}.mlp.c_fc")), f"{h}.mlp.c_proj")
    return F.linear(norm(x, "transformer.ln_f"), w["lm_head.weight"])
