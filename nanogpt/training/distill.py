"""Distillation targets: what teachers predict at each position of a text, for a student to learn from.

Distillation (arXiv:1503.02531) from an ensemble: models that were trained on the same text from different random
weights make different errors, so the mean of their probabilities is better than each of them, and a student of the
same size can learn it. Teachers nearly know their own training text by heart. What they predict of new text shows
best in text that they generate themselves (sequence-level distillation, arXiv:1606.07947). Knows models, checkpoints
and ids; knows no corpus and no training loop.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from nanogpt.analysis import score
from nanogpt.generation.reader import Reader
from nanogpt.generation.sampling import gumbel_noise
from nanogpt.models.base import LanguageModel
from nanogpt.storage import checkpoint, states
from nanogpt.text.corpus import cache_folder
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training.console import say
from nanogpt.training.windows import mix_seed

PIECE_LENGTH = 1024  # characters of each piece of text that a teacher generates
PROMPT_LENGTH = 64  # of them, the first ones, which are taken from the training text
PIECES_PER_BATCH = 512


def load_teachers(
    folders: Sequence[str], tokenizer: CharTokenizer, device: torch.device, dtype: torch.dtype = torch.float32
) -> list[LanguageModel]:
    """The models in these checkpoint folders. Raises CheckpointError, or ValueError for another vocabulary.

    With `dtype` bfloat16 they compute everything in it. That is twice as fast on hardware with bfloat16 units, and
    costs a KL divergence of 3e-5 nats per character.
    """
    teachers = []
    for folder in folders:
        teacher, its_tokenizer = checkpoint.read_model(folder, device)
        if its_tokenizer.chars != tokenizer.chars:
            raise ValueError(f"distill_from: {Path(folder).name} has another vocabulary than the text.")
        teachers.append(teacher.to(dtype) if dtype == torch.bfloat16 else teacher)
    return teachers


def lesson(
    teachers: Sequence[LanguageModel], ids: Tensor, synthetic: int = 0, *, quiet: bool = False
) -> tuple[Tensor, Tensor]:
    """The text that a student learns from, (N,), and its distillation targets: rows (N, V) that sum to 1.

    The text is ids (n,), followed by at least `synthetic` characters that the teachers generate in turn, in pieces.
    In the first part, half of each target is the character that really stands there, and half is the mean of the
    teachers' probabilities; in the generated part, all of it is the mean.

    The means are kept in the cache folder, in float16 (130 bytes a character here), so that the same teachers need
    not compute them again for another seed, a resumed run, or another process. If that fails, a note is printed,
    unless `quiet`.
    """
    folder = cache_folder() / "lessons" / _cache_key(teachers, ids, synthetic)
    if cached := states.latest_state(folder):
        parts = cached[0]
    else:
        parts = _compute_lesson(teachers, ids, synthetic)
        try:
            states.save_state(folder, 0, parts, {})
        except OSError as error:
            if not quiet:
                say(
                    f"note: the distillation targets could not be kept in {folder} ({error.strerror or error}); "
                    "the next run and any other process of this run compute them again"
                )
    text, targets = parts["ids"].long(), F.normalize(parts["mean"].float(), p=1)  # they sum to 1 despite float16
    n = len(ids)
    targets[:n] /= 2
    targets[:n].scatter_add_(1, ids[:, None], torch.full((n, 1), 0.5))
    targets[0] *= 2  # the first character has no context, so the teachers predict nothing there
    return text, targets


def _compute_lesson(teachers: Sequence[LanguageModel], ids: Tensor, synthetic: int) -> dict[str, Tensor]:
    """What the cache holds: `ids` (N,) in int16 and `mean` (N, V), the teachers' mean probabilities, in float16."""
    pieces = -(-synthetic // (len(teachers) * PIECE_LENGTH))  # of each teacher
    generated = (generate_pieces(t, ids, pieces, seed) for seed, t in enumerate(teachers) if pieces)
    text = torch.cat([ids, *generated])
    mean = torch.zeros(len(text), teachers[0].vocab_size)
    for teacher in teachers:
        mean += predictions(teacher, text) / len(teachers)
    return {"ids": text.to(torch.int16), "mean": mean.to(torch.float16)}


def _cache_key(teachers: Sequence[LanguageModel], ids: Tensor, synthetic: int) -> str:
    """A digest of everything that a lesson depends on."""
    digest = hashlib.sha256(f"{synthetic} {PIECE_LENGTH} {PIECES_PER_BATCH}".encode() + ids.numpy().tobytes())
    for teacher in teachers:
        digest.update(repr(teacher.config).encode())
        for p in teacher.parameters():
            digest.update(str(p.dtype).encode() + p.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()


def generate_pieces(teacher: LanguageModel, ids: Tensor, pieces: int, seed: int) -> Tensor:
    """Text that the teacher generates at temperature 1, (pieces · PIECE_LENGTH,).

    Each piece continues a prompt that is taken from a random position of ids (n,).
    """
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(len(ids) - PROMPT_LENGTH, (pieces, 1), generator=generator)
    batches: list[Tensor] = []
    for batch in starts.split(PIECES_PER_BATCH):
        reader = Reader(teacher)
        for prompt in ids[batch + torch.arange(PROMPT_LENGTH)].tolist():
            reader.add(prompt)
        for position in tqdm(range(PROMPT_LENGTH, PIECE_LENGTH), "a teacher generates text", disable=None):
            logits = reader.read().double()
            noise = gumbel_noise(mix_seed(seed, len(batches), position), *logits.shape)
            for row, id in enumerate((logits + noise).argmax(-1).tolist()):
                reader.extend(row, [id])
        batches.append(torch.tensor(reader.texts).flatten())
    return torch.cat(batches)


@torch.inference_mode()
def predictions(model: LanguageModel, ids: Tensor, batch_size: int = 32) -> Tensor:
    """The model's probabilities at each position of ids (n,), given the characters before it: (n, V); row 0 is zeros.

    The windows overlap by a quarter. In every window but the first, the predictions in the first quarter are not
    used, so that every later position is predicted from at least a quarter of a window.
    """
    window = min(score.evaluation_window(model), len(ids) - 1)
    quarter, last = window // 4, len(ids) - 1 - window  # the last window ends with the text
    starts = torch.tensor([*range(0, last, window - quarter), last])
    out = torch.zeros(len(ids), model.vocab_size)
    for batch in tqdm(starts.split(batch_size), "a teacher predicts the text", disable=None):
        rows = batch[:, None] + torch.arange(window)
        for row, p in zip(rows, model(ids[rows].to(model.device)).float().softmax(-1).cpu(), strict=True):
            used = slice(quarter if row[0] > 0 else 0, None)
            out[row[used] + 1] = p[used]
    return out
