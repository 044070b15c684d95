"""What a run depends on: every option with its help and its range, the presets, and how they are put together.

Knows the models' names and configs; trains nothing.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from nanogpt import checks
from nanogpt.checks import option
from nanogpt.device import DTYPES
from nanogpt.models import MODELS, make_config
from nanogpt.models.layers import ACTIVATIONS
from nanogpt.models.ranges import RANGES
from nanogpt.training.report import REPORTERS


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on. The command line of train.py is made from these fields."""

    model: str = option("gpt", "which model to train", choices=tuple(MODELS))
    data: str | None = option(None, "a UTF-8 text file; default $NANOGPT_DATA, else Tiny Shakespeare, downloaded once")
    val_fraction: float = option(0.1, "share of the text, at its end, kept for validation", 0.001, 0.9)
    tokenizer: str = option("char", "char: the text's own characters; or a checkpoint's folder, to spell as it does")
    tune: bool = option(False, "judge on the last 5 %% of the training text, to choose settings without validation")

    n_layer: int = option(6, "blocks (gpt), hidden layers (mlp)", *RANGES["n_layer"])
    n_head: int = option(4, "attention heads a layer (gpt, self_attention)", *RANGES["n_head"])
    n_embd: int = option(
        256, "width of the residual stream (gpt, self_attention) or the hidden layers (mlp)", *RANGES["n_embd"]
    )
    n_context: int = option(
        1, "characters that enter at each place, through an MLP if more than 1 (mlp, gpt)", *RANGES["n_context"]
    )
    n_vector: int = option(24, "numbers that stand for a character in that MLP (mlp, gpt)", *RANGES["n_vector"])
    block_size: int = option(
        256, "characters in a training window; the context of gpt and self_attention", 2, RANGES["block_size"][1]
    )
    dropout: float = option(0.0, "share of each residual branch dropped while training", *RANGES["dropout"])
    bias: bool = option(False, "biases in linear layers and norms (gpt, self_attention)")
    position: str = option("rope", "how a place in the window is told (gpt)", choices=("learned", "rope"))
    activation: str = option("relu2", "the bend of the MLP (gpt)", choices=tuple(ACTIVATIONS))
    qk_norm: bool = option(True, "normalise queries and keys: attention cannot saturate at high rates (gpt)")
    tie_weights: bool = option(False, "one matrix for embedding and head (gpt)")
    zero_init: bool = option(True, "each block starts as the identity (gpt)")

    init_from: str = option("", "a checkpoint folder to take the first weights from: fine-tune, or train on")
    max_iters: int = option(1500, "optimizer steps", 1, 10_000_000)
    max_seconds: float = option(0.0, "stop, as Ctrl-C would, after so many seconds of training; 0 is off", 0, 1e9)
    batch_size: int = option(32, "windows a micro-batch", 1, 65_536)
    gradient_accumulation_steps: int = option(1, "micro-batches a step, of each process", 1, 65_536)
    gradient_checkpointing: bool = option(False, "compute each block twice to hold less in memory (gpt)")
    optimizer: str = option("muon", "muon: Muon on hidden matrices, AdamW elsewhere", choices=("muon", "adamw"))
    learning_rate: float = option(3e-3, "peak rate of AdamW", 0, 1e30)
    matrix_lr: float = option(0.035, "peak rate of Muon", 0, 1e30)
    min_lr: float = option(0.02, "rate at the end, as a share of the peak", 0, 1)
    lr_schedule: str = option("linear", "linear: hold, then a straight line down", choices=("linear", "cosine"))
    warmup_iters: int = option(50, "steps of linear warm-up", 0, 1_000_000)
    cooldown: float = option(0.6, "share of the run in which the linear schedule falls", 0, 1)
    weight_decay: float = option(0.5, "decay of the matrices: strong, for little text seen often", 0, 100)
    beta1: float = option(0.9, "AdamW's memory of the gradient", 0, 0.9999)
    beta2: float = option(0.95, "AdamW's memory of its square", 0, 0.99999)
    grad_clip: float = option(1.0, "largest norm of the gradient; 0 is off", 0, 1e9)
    distill_from: tuple[str, ...] = option((), "teachers' folders: half of each target is what they expect")
    synthetic_chars: int = option(0, "characters that they write, to be learnt beside the text", 0, 1_000_000_000)
    ema_decay: float = option(0.0, "decay of the averaged weights that are then the model; 0 is off", 0, 0.99999)

    eval_interval: int = option(250, "steps between evaluations", 1, 10_000_000)
    eval_iters: int = option(10, "batches of fixed random windows an evaluation; the last is the protocol", 1, 100_000)
    full_eval: bool = option(False, "evaluate on the whole validation text instead of random windows")
    eval_only: bool = option(False, "print the losses of the newest saved state of that name; train and write nothing")
    sample_interval: int = option(0, "steps between samples; 0: one with each evaluation", 0, 10_000_000)
    log_interval: int = option(10, "steps between lines in metrics.jsonl", 1, 1_000_000)
    save_interval: int = option(100, "steps between saved states", 1, 10_000_000)
    keep_last: int = option(2, "saved states to keep", 2, 1000)
    snapshots: int = option(0, "weights to keep of the way, at step 0 and at growing distances; 0 is off", 0, 1000)

    report_to: str = option("none", "send the metrics on, beside metrics.jsonl", choices=REPORTERS)

    out_dir: str = option("checkpoints", "where checkpoint folders stand")
    name: str = option("", "this checkpoint's folder; default my-MODEL")
    overwrite: bool = option(False, "replace an existing checkpoint of that name")
    resume: bool = option(False, "go on from the newest saved state of that name")
    seed: int = option(1, "seed of weights, windows and dropout", 0, 2**32 - 1)
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps")
    dtype: str = option("auto", "of matrix products; auto takes bfloat16 where it is fast", choices=("auto", *DTYPES))
    deterministic: bool = option(False, "only operations that give the same bits each time; slower on a GPU")
    num_threads: int = option(0, "CPU threads; 0 leaves torch's choice", 0, 1024)
    compile: bool = option(False, "torch.compile: slow to start; pays on a GPU")

    def __post_init__(self) -> None:
        checks.check_fields(self)
        if not self.name:
            object.__setattr__(self, "name", f"my-{self.model}")
        if Path(self.name).name != self.name or self.name in (".", ".."):
            raise ValueError(f"name must be a folder's name without slashes; got {checks.shown(self.name)}.")
        if self.synthetic_chars and not self.distill_from:
            raise ValueError(f"synthetic_chars are written by teachers: {self.synthetic_chars:,} need distill_from.")
        if self.init_from and self.tokenizer != "char":
            raise ValueError("tokenizer: a run with init_from spells as that checkpoint does; give one of the two.")
        self.model_config(1)

    def model_config(self, vocab_size: int) -> Any:
        """The config of the model that this run trains."""
        known = {f.name for f in fields(MODELS[self.model].config)}
        values = {name: value for name, value in asdict(self).items() if name in known}
        return make_config(self.model, {**values, "vocab_size": vocab_size})

    @property
    def folder(self) -> Path:
        return Path(self.out_dir) / self.name
