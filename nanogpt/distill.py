"""What teachers expect at each place of a text: soft targets that show a student more than the one character there.

Distillation (arXiv:1503.02531) from an ensemble: teachers that learnt the same text from different beginnings err
in different places, so the average of their probabilities is better than each, and a student of the same size can
learn it. Knows models, checkpoints and ids; knows no corpus and no training loop.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from nanogpt import checkpoint, score
from nanogpt.tokenizer import CharTokenizer


def load_teachers(folders: Sequence[str], tokenizer: CharTokenizer, device: torch.device) -> list[nn.Module]:
    """The models in these checkpoint folders. Raises CheckpointError, or ValueError for another vocabulary."""
    teachers = []
    for folder in folders:
        teacher, its_tokenizer = checkpoint.load(folder, device)
        if its_tokenizer.chars != tokenizer.chars:
            raise ValueError(f"distill_from: {Path(folder).name} has another vocabulary than the text.")
        teachers.append(teacher)
    return teachers


def soft_targets(teachers: Sequence[nn.Module], ids: Tensor) -> Tensor:
    """What a student is asked to expect at each place of ids (n,): rows (n, V) that sum to 1, float32.

    Half of each row is the character that stands there, half the average of the teachers' probabilities.
    """
    vocab_size: int = teachers[0].config.vocab_size  # type: ignore[union-attr, assignment]
    targets = torch.zeros(len(ids), vocab_size).scatter_(1, ids[:, None], 0.5)
    for teacher in teachers:
        targets += expectations(teacher, ids) / (2 * len(teachers))
    targets[0] *= 2  # nothing stands before it to expect it by
    return targets


@torch.inference_mode()
def expectations(model: nn.Module, ids: Tensor, batch_size: int = 32) -> Tensor:
    """The model's probabilities at each place of ids (n,), given what stands before it: (n, V); row 0 is zeros.

    The windows overlap by a quarter, and what one says of its own first quarter counts at the text's beginning only:
    every later place is judged with at least a quarter of a window before it.
    """
    window = min(score.evaluation_window(model), len(ids) - 1)
    device = next(model.parameters()).device
    quarter, last = window // 4, len(ids) - 1 - window  # the last window ends with the text
    starts = torch.tensor([*range(0, last, window - quarter), last])
    out = torch.zeros(len(ids), model.config.vocab_size)  # type: ignore[union-attr, arg-type]
    for some in tqdm(starts.split(batch_size), "a teacher reads", disable=None):
        rows = some[:, None] + torch.arange(window)
        for row, p in zip(rows, model(ids[rows].to(device)).float().softmax(-1).cpu(), strict=True):
            kept = slice(quarter if row[0] > 0 else 0, None)
            out[row[kept] + 1] = p[kept]
    return out
