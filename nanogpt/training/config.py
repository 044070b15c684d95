"""The options of a training run, each with its help and its range.

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

# The order and the titles of `train.py --help`.
GROUPS: dict[str, tuple[str, ...]] = {
    "text": ("data", "val_fraction", "tokenizer", "tune"),
    "model": (
        "n_layer", "n_head", "n_embd", "n_context", "n_vector", "block_size", "dropout", "bias", "position",
        "activation", "qk_norm", "tie_weights", "zero_init",
    ),
    "what the run starts from and learns from": (
        "init_from", "grow_vocabulary", "distill_from", "synthetic_chars",
    ),
    "length and schedule": (
        "max_iters", "max_seconds", "batch_size", "gradient_accumulation_steps", "lr_schedule", "warmup_iters",
        "cooldown", "min_lr",
    ),
    "optimizer": (
        "optimizer", "learning_rate", "matrix_lr", "weight_decay", "beta1", "beta2", "grad_clip", "ema_decay",
    ),
    "evaluation and logs": (
        "keep", "patience", "eval_interval", "eval_iters", "full_eval", "eval_only", "sample_interval", "log_interval",
        "report_to",
    ),
    "files": ("out_dir", "name", "overwrite", "resume", "save_interval", "keep_last", "snapshots", "license"),
    "machine": (
        "seed", "device", "dtype", "num_threads", "gradient_checkpointing", "deterministic", "compile",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """Every option of a run. The command line of train.py is made from these fields.

    Raises ValueError with the field, the value and the allowed range.
    """

    model: str = option("gpt", "which model to train", choices=tuple(MODELS))
    data: str | None = option(
        None, "a UTF-8 text file; default: $NANOGPT_DATA, else Tiny Shakespeare, downloaded once", metavar="FILE"
    )
    val_fraction: float = option(
        0.1, "share of the text, at its end, that is kept for validation", 0.001, 0.9, metavar="SHARE"
    )
    tokenizer: str = option(
        "char", "char: the characters of the text; or a checkpoint folder, to use its vocabulary", metavar="DIR"
    )
    tune: bool = option(
        False, "evaluate on the last 5 %% of the training text, to choose settings without the validation text"
    )

    n_layer: int = option(6, "number of blocks (gpt) or hidden layers (mlp)", *RANGES["n_layer"], metavar="LAYERS")
    n_head: int = option(4, "attention heads in each layer (gpt, self_attention)", *RANGES["n_head"], metavar="HEADS")
    n_embd: int = option(
        256,
        "width of the residual stream (gpt, self_attention) or of the hidden layers (mlp)",
        *RANGES["n_embd"],
        metavar="WIDTH",
    )
    n_context: int = option(
        1,
        "characters read at each position, through an MLP if more than 1 (mlp, gpt)",
        *RANGES["n_context"],
        metavar="CHARACTERS",
    )
    n_vector: int = option(
        24, "size of each character's vector in that MLP (mlp, gpt)", *RANGES["n_vector"], metavar="SIZE"
    )
    block_size: int = option(
        256,
        "length of a training window; context window of gpt and self_attention",
        2,
        RANGES["block_size"][1],
        metavar="CHARACTERS",
    )
    dropout: float = option(
        0.0, "dropout rate of each residual branch during training", *RANGES["dropout"], metavar="SHARE"
    )
    bias: bool = option(False, "use biases in linear layers and norms (gpt, self_attention)")
    position: str = option("rope", "position encoding (gpt)", choices=("learned", "rope"))
    activation: str = option("relu2", "activation function of the MLP (gpt)", choices=tuple(ACTIVATIONS))
    qk_norm: bool = option(
        True, "normalise queries and keys, so that attention cannot saturate at high learning rates (gpt)"
    )
    tie_weights: bool = option(False, "use one matrix for both the embedding and the output layer (gpt)")
    zero_init: bool = option(True, "start each block as the identity function (gpt)")

    init_from: str = option(
        "",
        "a checkpoint folder, or USER/REPO on the Hugging Face Hub, for fine-tuning: the run starts from its weights, "
        "and has its architecture and its vocabulary",
        metavar="CHECKPOINT",
    )
    grow_vocabulary: bool = option(
        False, "with init_from: characters of the text that the checkpoint does not know are added to its vocabulary"
    )
    max_iters: int = option(1500, "optimizer steps", 1, 10_000_000, metavar="STEPS")
    max_seconds: float = option(0.0, "stop after this many seconds of training, as after Ctrl-C; 0: no limit", 0, 1e9)
    batch_size: int = option(32, "windows in a micro-batch", 1, 65_536, metavar="WINDOWS")
    gradient_accumulation_steps: int = option(
        1, "micro-batches in a step, for each process", 1, 65_536, metavar="BATCHES"
    )
    gradient_checkpointing: bool = option(
        False, "compute each block again in the backward pass, to use less memory (gpt)"
    )
    optimizer: str = option("muon", "muon: Muon on hidden matrices, AdamW on the rest", choices=("muon", "adamw"))
    learning_rate: float = option(3e-3, "peak learning rate of AdamW", 0, 1e30, metavar="RATE")
    matrix_lr: float = option(0.035, "peak learning rate of Muon", 0, 1e30, metavar="RATE")
    min_lr: float = option(0.02, "final learning rate, as a share of the peak", 0, 1, metavar="SHARE")
    lr_schedule: str = option("linear", "linear: constant, then a straight line down", choices=("linear", "cosine"))
    warmup_iters: int = option(50, "steps of linear warm-up; at most a tenth of the run", 0, 1_000_000, metavar="STEPS")
    cooldown: float = option(0.6, "share of the run in which the linear schedule falls", 0, 1, metavar="SHARE")
    weight_decay: float = option(0.5, "weight decay of the matrices: strong, for a small text read often", 0, 100)
    beta1: float = option(0.9, "AdamW's decay rate of the mean gradient", 0, 0.9999, metavar="DECAY")
    beta2: float = option(0.95, "AdamW's decay rate of the mean squared gradient", 0, 0.99999, metavar="DECAY")
    grad_clip: float = option(1.0, "largest norm of the gradient; 0: no clipping", 0, 1e9, metavar="NORM")
    distill_from: tuple[str, ...] = option(
        (),
        "checkpoint folders of teachers: half of each target is their mean prediction (distillation)",
        metavar="DIR",
    )
    synthetic_chars: int = option(
        0, "characters that the teachers generate, as additional training text", 0, 1_000_000_000, metavar="CHARACTERS"
    )
    ema_decay: float = option(
        0.0, "decay of an exponential moving average of the weights, which becomes the model; 0: no average", 0, 0.99999
    )

    eval_interval: int = option(250, "steps between evaluations", 1, 10_000_000, metavar="STEPS")
    eval_iters: int = option(
        10, "batches of random windows in an evaluation; the last reads the whole text", 1, 100_000, metavar="BATCHES"
    )
    keep: str = option(
        "best",
        "best: the checkpoint has the weights with the lowest validation loss of all evaluations; last: those of the "
        "last step, as in every published recipe",
        choices=("best", "last"),
    )
    patience: int = option(
        0,
        "end the run after so many evaluations without a lower validation loss; 0: never",
        0,
        1_000_000,
        metavar="EVALUATIONS",
    )
    full_eval: bool = option(False, "read the whole validation text in every evaluation, instead of random windows")
    eval_only: bool = option(
        False, "print the losses of the newest saved state of that name, or of its checkpoint; train and write nothing"
    )
    sample_interval: int = option(
        0, "steps between samples; 0: a sample with each evaluation", 0, 10_000_000, metavar="STEPS"
    )
    log_interval: int = option(10, "steps between lines in metrics.jsonl", 1, 1_000_000, metavar="STEPS")
    save_interval: int = option(100, "steps between saved states", 1, 10_000_000, metavar="STEPS")
    keep_last: int = option(2, "number of saved states to keep", 2, 1000, metavar="STATES")
    snapshots: int = option(
        0, "snapshots of the weights to keep, at step 0 and at growing distances; 0: none", 0, 1000, metavar="SNAPSHOTS"
    )

    license: str = option(
        "",
        "the licence of the trained model, for its card: an identifier of the Hub, like cc-by-4.0",
        metavar="LICENCE",
    )
    report_to: str = option("none", "a dashboard that also receives the metrics of metrics.jsonl", choices=REPORTERS)

    out_dir: str = option("checkpoints", "the folder that holds all checkpoint folders")
    name: str = option("", "name of this checkpoint's folder; default: my-MODEL")
    overwrite: bool = option(False, "replace an existing checkpoint of that name")
    resume: bool = option(False, "continue from the newest saved state of that name")
    seed: int = option(1, "seed of the initial weights, the windows and dropout", 0, 2**32 - 1, metavar="NUMBER")
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps", metavar="NAME")
    dtype: str = option(
        "auto", "number format of matrix products; auto: bfloat16 if it is fast here", choices=("auto", *DTYPES)
    )
    deterministic: bool = option(False, "use only operations that give the same bits every time; slower on a GPU")
    num_threads: int = option(0, "CPU threads; 0: torch's own choice", 0, 1024)
    compile: bool = option(False, "use torch.compile: slow to start, faster on a GPU")

    def __post_init__(self) -> None:
        checks.check_fields(self)
        if not self.name:
            object.__setattr__(self, "name", f"my-{self.model}")
        if Path(self.name).name != self.name or self.name in (".", ".."):
            raise ValueError(f"name must be a folder name without slashes; got {checks.shown(self.name)}.")
        if self.synthetic_chars and not self.distill_from:
            raise ValueError(f"synthetic_chars are generated by teachers: {self.synthetic_chars:,} need distill_from.")
        # A warm-up that is longer than the run would never reach the learning rate that was asked for.
        object.__setattr__(self, "warmup_iters", min(self.warmup_iters, self.max_iters // 10))
        if self.grow_vocabulary and not self.init_from:
            raise ValueError("grow_vocabulary adds characters to the vocabulary of a checkpoint: it needs init_from.")
        if self.init_from and self.tokenizer != "char":
            raise ValueError(
                "tokenizer: a run with init_from uses the vocabulary of that checkpoint; give only one of the two."
            )
        self.model_config(1)

    def model_config(self, vocab_size: int) -> Any:
        """The config of the model that this run trains."""
        known = {f.name for f in fields(MODELS[self.model].config)}
        values = {name: value for name, value in asdict(self).items() if name in known}
        return make_config(self.model, {**values, "vocab_size": vocab_size})

    @property
    def folder(self) -> Path:
        return Path(self.out_dir) / self.name
