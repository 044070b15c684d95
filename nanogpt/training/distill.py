"""What teachers expect at each place of a text: soft targets that show a student more than the one character there.

Distillation (arXiv:1503.02531) from an ensemble: teachers that learnt the same text from different beginnings err
in different places, so the average of their probabilities is better than each, and a student of the same size can
learn it. They know their own training text nearly by heart, so what they expect of new text shows best in text that
they write themselves (sequence-level distillation, arXiv:1606.07947). Knows models, checkpoints and ids; knows no
corpus and no training loop.
"""

import contextlib
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
from nanogpt.storage import checkpoint
from nanogpt.text.corpus import cache_folder
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training.windows import mix_seed

PIECE = 1024  # characters of each piece that a teacher writes
BEGINNING = 64  # of them, those that it goes on from
AT_ONCE = 512  # pieces that it writes side by side


def load_teachers(
    folders: Sequence[str], tokenizer: CharTokenizer, device: torch.device, dtype: torch.dtype = torch.float32
) -> list[LanguageModel]:
    """The models in these checkpoint folders. Raises CheckpointError, or ValueError for another vocabulary.

    With `dtype` bfloat16 they compute in it throughout: twice as fast where the hardware does, for 3e-5 nats of KL
    divergence a character.
    """
    teachers = []
    for folder in folders:
        teacher, its_tokenizer = checkpoint.read_model(folder, device)
        if its_tokenizer.chars != tokenizer.chars:
            raise ValueError(f"distill_from: {Path(folder).name} has another vocabulary than the text.")
        teachers.append(teacher.to(dtype) if dtype == torch.bfloat16 else teacher)
    return teachers


def lesson(teachers: Sequence[LanguageModel], ids: Tensor, synthetic: int = 0) -> tuple[Tensor, Tensor]:
    """What a student reads, (N,), and what it is asked to expect at each place of it: rows (N, V) that sum to 1.

    The lesson is ids (n,) and then at least `synthetic` characters that the teachers write in turn, in pieces. In
    the text itself, half of each row is the character that stands there and half the mean of the teachers'
    probabilities; in theirs, all of it is the mean. The means are kept in the cache folder, in float16 (130 bytes a
    character here): the same teachers give another seed, or a run that goes on, the same lesson at once.
    """
    folder = cache_folder() / "lessons" / _digest(teachers, ids, synthetic)
    if kept := checkpoint.latest_state(folder):
        parts = kept[0]
    else:
        share = -(-synthetic // (len(teachers) * PIECE))  # pieces each
        read = torch.cat([ids, *(write(t, ids, share, seed) for seed, t in enumerate(teachers) if share)])
        mean = torch.zeros(len(read), teachers[0].vocab_size)
        for teacher in teachers:
            mean += expectations(teacher, read) / len(teachers)
        parts = {"ids": read.to(torch.int16), "mean": mean.to(torch.float16)}
        with contextlib.suppress(OSError):  # a full disk costs the next run its time, not this one its lesson
            checkpoint.save_state(folder, 0, parts, {})
    read, targets = parts["ids"].long(), F.normalize(parts["mean"].float(), p=1)  # float16 rounds: they sum to 1 again
    n = len(ids)
    targets[:n] /= 2
    targets[:n].scatter_add_(1, ids[:, None], torch.full((n, 1), 0.5))
    targets[0] *= 2  # nothing stands before it to expect it by
    return read, targets


def _digest(teachers: Sequence[LanguageModel], ids: Tensor, synthetic: int) -> str:
    """A name for everything that a lesson depends on."""
    digest = hashlib.sha256(f"{synthetic} {PIECE} {AT_ONCE}".encode() + ids.numpy().tobytes())
    for teacher in teachers:
        digest.update(repr(teacher.config).encode())
        for p in teacher.parameters():
            digest.update(str(p.dtype).encode() + p.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()


def write(teacher: LanguageModel, ids: Tensor, pieces: int, seed: int) -> Tensor:
    """Text of the teacher's own, (pieces · PIECE,): each piece goes on from a place in ids (n,), at temperature 1."""
    generator = torch.Generator().manual_seed(seed)
    starts = torch.randint(len(ids) - BEGINNING, (pieces, 1), generator=generator)
    written: list[Tensor] = []
    for some in starts.split(AT_ONCE):
        reader = Reader(teacher, batch_size=len(some))
        unread = ids[some + torch.arange(BEGINNING)]
        for place in tqdm(range(BEGINNING, PIECE), "a teacher writes", disable=None):
            logits = reader.feed(unread)[:, 0].double().cpu()
            noise = gumbel_noise(mix_seed(seed, len(written), place), *logits.shape)
            unread = (logits + noise).argmax(-1, keepdim=True)
        written.append(torch.cat((reader.ids.cpu(), unread), dim=1).flatten())
    return torch.cat(written)


@torch.inference_mode()
def expectations(model: LanguageModel, ids: Tensor, batch_size: int = 32) -> Tensor:
    """The model's probabilities at each place of ids (n,), given what stands before it: (n, V); row 0 is zeros.

    The windows overlap by a quarter, and what one says of its own first quarter counts at the text's beginning only:
    every later place is judged with at least a quarter of a window before it.
    """
    window = min(score.evaluation_window(model), len(ids) - 1)
    device = next(model.parameters()).device
    quarter, last = window // 4, len(ids) - 1 - window  # the last window ends with the text
    starts = torch.tensor([*range(0, last, window - quarter), last])
    out = torch.zeros(len(ids), model.vocab_size)
    for some in tqdm(starts.split(batch_size), "a teacher reads", disable=None):
        rows = some[:, None] + torch.arange(window)
        for row, p in zip(rows, model(ids[rows].to(device)).float().softmax(-1).cpu(), strict=True):
            kept = slice(quarter if row[0] > 0 else 0, None)
            out[row[kept] + 1] = p[kept]
    return out
