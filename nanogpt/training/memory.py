"""Whether a model can be trained here and loaded again, asked before the first step. Allocates nothing.

Knows sizes; knows no text and no file of a run.
"""

from pathlib import Path

import torch

from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import MAX_WEIGHTS_BYTES
from nanogpt.training.config import TrainConfig

GIB = 2**30
MEMORY = Path("/proc/meminfo")
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))  # of a container


def check_size(config: TrainConfig, model: LanguageModel, device: torch.device) -> str:
    """A sentence with the memory that a run will take; `model` may lie on the meta device.

    Raises ValueError for a model whose file would be too large to load again, or that needs more memory than is free.
    """
    parameters = sum(p.numel() for p in model.parameters())
    if 2 * parameters > MAX_WEIGHTS_BYTES:  # a checkpoint stores bfloat16
        raise ValueError(
            f"The model has {parameters:,} parameters; its file could not be loaded again, because the limit is "
            f"{MAX_WEIGHTS_BYTES // 2:,}. Make it smaller with n_layer or n_embd."
        )
    needed, free = needed_bytes(config, model), free_bytes(device)
    if free is not None and needed > free:
        raise ValueError(
            f"Training needs about {needed / GIB:.1f} GiB of memory; {free / GIB:.1f} GiB are free. Make batch_size "
            "smaller, with more gradient_accumulation_steps, or the model."
        )
    return f"about {needed / GIB:.1f} GiB of memory" + ("" if free is None else f" of {free / GIB:.1f} GiB free")


def needed_bytes(config: TrainConfig, model: LanguageModel) -> int:
    """An estimate of the memory that training takes, in bytes, without what Python and torch take themselves.

    A parameter takes 4 bytes for each of weight, gradient and optimizer state (two of them with AdamW, for which the
    larger number is taken), again while a state is saved, and 6 for an average and the best weights. A character takes
    its logits and their gradients, and in each block the inputs that the backward pass needs: about 20 vectors.
    """
    parameters = sum(p.numel() for p in model.parameters())
    characters = config.batch_size * config.block_size
    width = getattr(model.config, "n_embd", model.vocab_size)
    blocks = getattr(model.config, "n_layer", 1)
    vectors = 20 * (1 + blocks / 10 if config.gradient_checkpointing else blocks)
    return int(parameters * (16 + 12 + 6) + characters * 4 * (3 * model.vocab_size + vectors * width))


def free_bytes(device: torch.device) -> int | None:
    """The memory that is free on the device, in bytes; None where that cannot be found out."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu" or not MEMORY.exists():
        return None
    lines = dict(line.split(":", 1) for line in MEMORY.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    try:
        limit, used = (int(path.read_text()) for path in LIMITS)
    except (OSError, ValueError):  # no container, or one without a limit
        return free
    return min(free, limit - used)
