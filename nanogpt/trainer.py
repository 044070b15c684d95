"""Training: one linear loop from a config to a checkpoint folder.

Every step's randomness (windows, dropout) is drawn from (seed, number of the batch), so a run is a function of
its weights, its optimizer's state and the step: what is saved is all there is, and a resumed run equals an
unbroken one bit for bit. Several processes take the micro-batches of a step in turn: two of them follow one that
accumulates twice as many.
"""

import contextlib
import fcntl
import json
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from nanogpt import checkpoint, checks, score
from nanogpt.data import Corpus, DataError, Windows, load_corpus, mix_seed
from nanogpt.device import DTYPES, autocast, describe, pick_device, pick_dtype
from nanogpt.distributed import Group, LostProcessError
from nanogpt.engine import generate
from nanogpt.layers import ACTIVATIONS
from nanogpt.models import MODELS, build_model, make_config
from nanogpt.optimizer import Average, build_optimizers, schedule
from nanogpt.sampling import SamplingParams
from nanogpt.tokenizer import CharTokenizer


class TrainError(Exception):
    """Training cannot start or go on; the message says why and what is safe."""


def option(default: Any, help: str, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A field of TrainConfig: its default, the line that `--help` shows, and its allowed range or words."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, **more})


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on. The command line of train.py is made from these fields."""

    model: str = option("gpt", "which model to train", choices=tuple(MODELS))
    data: str | None = option(None, "a UTF-8 text file; default $NANOGPT_DATA, else Tiny Shakespeare, downloaded once")
    val_fraction: float = option(0.1, "share of the text, at its end, kept for validation", 0.001, 0.9)
    tune: bool = option(False, "judge on the last 5 %% of the training text, to choose settings without validation")

    n_layer: int = option(6, "blocks (gpt)", 1, 48)
    n_head: int = option(4, "attention heads a layer (gpt, self_attention)", 1, 64)
    n_embd: int = option(256, "width of the residual stream (gpt, self_attention)", 1, 4096)
    block_size: int = option(256, "characters in a training window; the context of gpt and self_attention", 2, 4096)
    dropout: float = option(0.0, "share of each residual branch dropped while training", 0, 0.9)
    bias: bool = option(False, "biases in linear layers and norms (gpt, self_attention)")
    position: str = option("rope", "how a place in the window is told (gpt)", choices=("learned", "rope"))
    activation: str = option("relu2", "the bend of the MLP (gpt)", choices=tuple(ACTIVATIONS))
    qk_norm: bool = option(True, "normalise queries and keys: attention cannot saturate at high rates (gpt)")
    tie_weights: bool = option(False, "one matrix for embedding and head (gpt)")
    zero_init: bool = option(True, "each block starts as the identity (gpt)")

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
    ema_decay: float = option(0.0, "decay of the averaged weights that are then the model; 0 is off", 0, 0.99999)

    eval_interval: int = option(250, "steps between evaluations", 1, 10_000_000)
    eval_iters: int = option(10, "batches of fixed random windows an evaluation; the last is the protocol", 1, 100_000)
    log_interval: int = option(10, "steps between lines in metrics.jsonl", 1, 1_000_000)
    save_interval: int = option(100, "steps between saved states", 1, 10_000_000)
    keep_last: int = option(2, "saved states to keep", 2, 1000)
    snapshots: int = option(0, "weights to keep of the way, at step 0 and at growing distances; 0 is off", 0, 1000)

    out_dir: str = option("checkpoints", "where checkpoint folders stand")
    name: str = option("", "this checkpoint's folder; default my-MODEL")
    overwrite: bool = option(False, "replace an existing checkpoint of that name")
    resume: bool = option(False, "go on from the newest saved state of that name")
    seed: int = option(1, "seed of weights, windows and dropout", 0, 2**32 - 1)
    device: str = option("auto", "auto, cpu, cuda, cuda:1, mps")
    dtype: str = option("auto", "of matrix products; auto takes bfloat16 where it is fast", choices=("auto", *DTYPES))
    num_threads: int = option(0, "CPU threads; 0 leaves torch's choice", 0, 1024)
    compile: bool = option(False, "torch.compile: slow to start; pays on a GPU")

    def __post_init__(self) -> None:
        for f in fields(self):
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))
        if not self.name:
            object.__setattr__(self, "name", f"my-{self.model}")
        if Path(self.name).name != self.name or self.name in (".", ".."):
            raise ValueError(f"name must be a folder's name without slashes; got {checks.shown(self.name)}.")
        self.model_config(1)

    def model_config(self, vocab_size: int) -> Any:
        """The config of the model that this run trains."""
        known = {f.name for f in fields(MODELS[self.model].config)}
        values = {name: value for name, value in asdict(self).items() if name in known}
        return make_config(self.model, {**values, "vocab_size": vocab_size})

    @property
    def folder(self) -> Path:
        return Path(self.out_dir) / self.name


def _checked(f: "Field[Any]", value: Any) -> Any:
    if f.metadata.get("choices"):
        return checks.one_of(f.name, value, f.metadata["choices"])
    if f.type is bool:
        return checks.flag(f.name, value)
    if f.type is int:
        return checks.whole(f.name, value, int(f.metadata["low"]), int(f.metadata["high"]))
    if f.type is float:
        return checks.number(f.name, value, f.metadata["low"], f.metadata["high"])
    return value


# What each model needs beside the defaults. An n-gram is a table: a high rate, no decay, big steps.
TABLE = {"max_iters": 300, "batch_size": 64, "learning_rate": 0.1, "optimizer": "adamw", "weight_decay": 0.0,
         "warmup_iters": 0, "cooldown": 1.0}  # fmt: skip
MODEL_DEFAULTS: dict[str, dict[str, Any]] = {
    "bigram": TABLE,
    "trigram": {**TABLE, "learning_rate": 0.05, "weight_decay": 0.05},
    "self_attention": {"n_head": 8, "n_embd": 128, "max_iters": 800, "batch_size": 16, "learning_rate": 0.01},
    "gpt": {},
}

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"n_layer": 4, "n_embd": 128, "block_size": 64, "batch_size": 12, "matrix_lr": 0.02, "weight_decay": 0.1},
    "best": {"max_iters": 1200, "dropout": 0.1, "weight_decay": 0.5, "cooldown": 0.7},
}
PRESETS["nanogpt"] = {
    "n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256, "dropout": 0.2, "position": "learned",
    "activation": "gelu", "qk_norm": False, "tie_weights": True, "zero_init": False, "max_iters": 5000,
    "batch_size": 64, "optimizer": "adamw", "learning_rate": 1e-3, "min_lr": 0.1, "lr_schedule": "cosine",
    "warmup_iters": 100, "weight_decay": 0.1, "beta2": 0.99,
}  # fmt: skip
PRESETS["nanogpt-cpu"] = {
    **PRESETS["nanogpt"], "n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "dropout": 0.0,
    "max_iters": 2000, "batch_size": 12,
}  # fmt: skip


def resolve(model: str, preset: str | None, given: dict[str, Any]) -> TrainConfig:
    """The config of a run: the model's defaults, then the preset (gpt only), then what was given."""
    if preset is not None:
        checks.one_of("preset", preset, PRESETS)
    chosen = PRESETS[preset] if preset and model == "gpt" else {}
    return TrainConfig(**{**MODEL_DEFAULTS[model], **chosen, **given, "model": model})


ALONE = Group()


def train(config: TrainConfig, command: str = "", group: Group = ALONE) -> dict[str, Any]:
    """Train one model and leave it in `config.folder`; return the last line of its metrics.

    Raises TrainError, DataError or ValueError before anything is written, and TrainError when the loss is no
    longer finite or another process of the group is gone; the last saved state then stands.
    """
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    device = pick_device(group.device(config.device))
    dtype = pick_dtype(config.dtype, device)
    corpus = load_corpus(config.data, config.val_fraction, tune=config.tune)
    windows = Windows(corpus.train, config.block_size, config.seed)
    _check_lengths(config, corpus)
    folder = config.folder
    if not group.leads:  # whoever leads checks, locks and writes; all must see the folder to resume
        with _stoppable() as stop, _together(folder):
            return _train(config, command, device, dtype, corpus, windows, stop, group)
    if folder.exists() and any(folder.iterdir()) and not (config.overwrite or config.resume):
        raise TrainError(
            f"{folder} exists. Give --resume to go on with it, --overwrite to replace it, or another --name."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder), _stoppable() as stop, _together(folder):
        return _train(config, command, device, dtype, corpus, windows, stop, group)


@contextlib.contextmanager
def _together(folder: Path) -> Iterator[None]:
    try:
        yield
    except LostProcessError as error:
        raise TrainError(f"Another process of this run is gone ({error}). {_safe(folder)}") from error


def _check_lengths(config: TrainConfig, corpus: Corpus) -> None:
    """Both parts must hold the windows of the last evaluation: better known before the training than after it."""
    with torch.device("meta"):  # shapes without memory
        window = score.evaluation_window(build_model(config.model_config(corpus.tokenizer.vocab_size)))
    needed = window + max(o for o in score.PROTOCOL_OFFSETS if o < window) + 1
    for part, ids in (("training", corpus.train), ("validation", corpus.val)):
        if len(ids) < needed:
            raise DataError(f"The {part} text has {len(ids):,} characters; judging the model needs {needed:,}.")


def _train(
    config: TrainConfig,
    command: str,
    device: torch.device,
    dtype: torch.dtype,
    corpus: Corpus,
    windows: Windows,
    stop: "Stop",
    group: Group,
) -> dict[str, Any]:
    folder = config.folder
    torch.manual_seed(config.seed)
    model = build_model(config.model_config(corpus.tokenizer.vocab_size)).to(device)
    if config.gradient_checkpointing:
        model.gradient_checkpointing = True  # type: ignore[assignment]
    optimizers = build_optimizers(
        model,
        kind=config.optimizer,
        learning_rate=config.learning_rate,
        matrix_lr=config.matrix_lr,
        weight_decay=config.weight_decay,
        betas=(config.beta1, config.beta2),
        muon_dtype=dtype,
    )
    peak_rates = [[group["lr"] for group in o.param_groups] for o in optimizers]
    average = Average(model, config.ema_decay) if config.ema_decay else None
    step, seconds = 0, 0.0
    metrics = folder / "metrics.jsonl"
    if config.resume:
        step, seconds = _restore(folder, model, optimizers, average)
    elif group.leads:
        for old in ("state", "snapshots"):  # an overwritten run's would pass for newer ones
            shutil.rmtree(folder / old, ignore_errors=True)
        metrics.write_text("")
    forward = torch.compile(model) if config.compile else model
    micro_batches = config.gradient_accumulation_steps * group.size  # a step, of all processes
    batch_tokens = config.batch_size * config.block_size * micro_batches
    parameters = sum(p.numel() for p in model.parameters())
    if group.leads:
        say(
            f"{config.model}: {parameters:,} parameters on {corpus.name} ({len(corpus.train):,} training characters), "
            f"{config.max_iters:,} steps of {batch_tokens:,} characters, {device.type}, {str(dtype)[6:]}"
            f"{f', {group.size} processes' if group.size > 1 else ''}; {describe()}"
        )

    row: dict[str, Any] = {}

    def log(**values: Any) -> dict[str, Any]:
        nonlocal row
        row = {"step": step, "tokens": step * batch_tokens, "seconds": round(seconds, 2), **values}
        with metrics.open("a") as f:
            f.write(json.dumps(row) + "\n")
        return row

    def save() -> None:
        if not all(p.isfinite().all() for p in model.parameters()):
            raise TrainError(f"Step {step}: the weights are no longer finite numbers. {_safe(folder)}")
        info = {"seconds": seconds, "metrics_bytes": metrics.stat().st_size, "config": asdict(config),
                "threads": torch.get_num_threads()}  # fmt: skip
        checkpoint.save_state(folder / "state", step, _state(model, optimizers, average), info, config.keep_last)

    def evaluate() -> None:
        with averaged(model, average):
            window = score.evaluation_window(model)
            loss = {
                split: score.random_windows_loss(model, ids, window, batches=config.eval_iters, batch_size=32)
                for split, ids in (("train", corpus.train), ("val", corpus.val))
            }
            log(train=loss["train"], val=loss["val"])
            say(f"step {step:,}: train {loss['train']:.4f}, val {loss['val']:.4f}, {seconds:.0f} s")
            say("  " + repr(sample(model, corpus.tokenizer, 100)))
        model.train()

    bar = tqdm(total=config.max_iters, initial=step, desc=config.name, unit="step",
               disable=not (group.leads and sys.stderr.isatty()))  # fmt: skip
    keep = snapshot_steps(config.snapshots, config.max_iters) if group.leads else []
    model.train()
    if group.leads and not metrics.stat().st_size:  # a run that was stopped before its first step has done this
        evaluate()
    if step == 0 and 0 in keep:
        checkpoint.save_snapshot(folder / "snapshots", 0, _weights(model, average))
    while step < config.max_iters:
        if group.any(bool(stop) or 0 < config.max_seconds <= seconds):
            break
        began = time.perf_counter()
        share = schedule(
            step, config.max_iters, shape=config.lr_schedule, warmup_iters=config.warmup_iters,
            cooldown=config.cooldown, floor=config.min_lr,
        )  # fmt: skip
        for o, peaks in zip(optimizers, peak_rates, strict=True):
            for parameters_of, peak in zip(o.param_groups, peaks, strict=True):
                parameters_of["lr"] = peak * share
        loss = 0.0
        for micro in range(group.rank, micro_batches, group.size):
            number = step * micro_batches + micro
            torch.manual_seed(mix_seed(config.seed, number))  # dropout's randomness
            x, y = (part.to(device) for part in windows.batch(number, config.batch_size))
            with autocast(device, dtype):
                micro_loss = F.cross_entropy(forward(x).flatten(0, 1), y.flatten())
            (micro_loss / config.gradient_accumulation_steps).backward()
            loss += micro_loss.item() / config.gradient_accumulation_steps
        group.mean_gradients(model)
        loss = group.mean_of(loss)
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip or math.inf).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainError(
                f"Step {step}: the loss is {loss}, the gradient's norm {norm}, at a learning rate of "
                f"{peak_rates[0][0] * share:g}. Stopped before the update. {_safe(folder)}"
            )
        for o in optimizers:
            o.step()
            o.zero_grad(set_to_none=True)
        if average:
            average.update(model, step)
        step += 1
        seconds += time.perf_counter() - began
        if not group.leads:
            continue
        bar.update()
        bar.set_postfix(loss=f"{loss:.3f}", lr=f"{share:.2f}", tok_s=f"{step * batch_tokens / seconds:,.0f}")
        if step % config.log_interval == 0:
            log(loss=loss, lr=peak_rates[0][0] * share, norm=norm)
        if step == 10:
            say(f"about {(config.max_iters - step) * seconds / step / 60:.1f} minutes of training to go")
        if step in keep:
            checkpoint.save_snapshot(folder / "snapshots", step, _weights(model, average))
        if step % config.eval_interval == 0 and step < config.max_iters:
            evaluate()
        if step % config.save_interval == 0 and step < config.max_iters:
            save()
    if not group.leads:
        return {}
    bar.close()
    save()
    return _finish(config, command, model, average, corpus, step, seconds, parameters, log)


def _finish(
    config: TrainConfig,
    command: str,
    model: nn.Module,
    average: Average | None,
    corpus: Corpus,
    step: int,
    seconds: float,
    parameters: int,
    log: Callable[..., dict[str, Any]],
) -> dict[str, Any]:
    """Write the model, judge the written file by the protocol, and write its card."""
    folder, stopped = config.folder, step < config.max_iters
    checkpoint.save(folder, model, corpus.tokenizer, dtype=torch.bfloat16, weights=_weights(model, average))
    model, _ = checkpoint.load(folder, next(model.parameters()).device)
    window = score.evaluation_window(model)
    offsets = score.PROTOCOL_OFFSETS if not stopped else (0,)
    val = score.windows_loss(model, corpus.val, window, [o for o in offsets if o < window])
    row = log(**{f"full_val_{window}": val, "parameters": parameters, "machine": describe()})
    text = sample(model, corpus.tokenizer, 300)
    checkpoint.write_file(folder / "README.md", model_card(config, command, row, window, corpus, text).encode())
    how = "stopped at" if stopped else "done:"
    say(f"{how} step {step:,}: full-val@{window} {val:.4f}, {seconds:.0f} s, in {folder}")
    if stopped:
        say(f"the same command with --resume goes on from step {step:,}")
    return row


def model_card(config: TrainConfig, command: str, row: dict[str, Any], window: int, corpus: Corpus, text: str) -> str:
    """The folder's README: what the model is, how it was made, what it reached."""
    loss = row[f"full_val_{window}"]
    finished = "" if row["step"] == config.max_iters else f" (stopped; the schedule has {config.max_iters:,})"
    return f"""---
license: mit
library_name: nanogpt-playground
pipeline_tag: text-generation
tags: [character-level, {config.model.replace("_", "-")}]
---

# {config.name}

A {MODELS[config.model].title} of single characters, trained on {corpus.name} by this project's `train.py`.

| | |
|---|---|
| command | `{command or "nanogpt.trainer.train"}` |
| loss, full-val@{window} | **{loss:.4f}** nats per character ({loss * score.BITS:.4f} bits) |
| parameters | {row["parameters"]:,} |
| steps | {row["step"]:,}{finished} |
| characters seen | {row["tokens"]:,} |
| training seconds | {row["seconds"]:,.0f} (evaluation apart) |
| machine | {row["machine"]} |

The loss is that of the saved file, on the last {config.val_fraction:.0%} of the text, in windows of {window}
characters without carry-over; `python -m nanogpt score --protocol --model {config.name}` prints it again.

A sample (temperature 0.8, seed 1):

```text
{text}
```
"""


def sample(model: nn.Module, tokenizer: CharTokenizer, count: int) -> str:
    """A short continuation of a newline: the same luck at every evaluation, so that progress can be read."""
    model.eval()
    steps = generate(model, [tokenizer.start_id], SamplingParams(max_new_tokens=count))
    return tokenizer.decode(s.id for s in steps)


@contextlib.contextmanager
def averaged(model: nn.Module, average: Average | None) -> Iterator[None]:
    """The model with its averaged weights, for the length of the block."""
    if average is None:
        yield
        return
    own = {n: p.detach().clone() for n, p in model.named_parameters()}
    model.load_state_dict(average.weights, strict=False)
    try:
        yield
    finally:
        model.load_state_dict(own, strict=False)


def _state(model: nn.Module, optimizers: list[torch.optim.Optimizer], average: Average | None) -> dict[str, Tensor]:
    """Everything a step depends on, beside the step's number, under flat names."""
    tensors: dict[str, Tensor] = {f"model.{n}": p for n, p in model.named_parameters()}
    for i, o in enumerate(optimizers):
        for index, entries in o.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{index}.{key}": t for key, t in entries.items()}
    if average:
        tensors |= {f"average.{n}": t for n, t in average.weights.items()}
    return tensors


def _weights(model: nn.Module, average: Average | None) -> dict[str, Tensor]:
    """The weights that are the model: its own, or their average."""
    return average.weights if average else dict(model.named_parameters())


def snapshot_steps(count: int, max_iters: int) -> list[int]:
    """Step 0, the last step, and steps between at growing distances: a model learns most at first."""
    if count < 2:
        return [0][:count]
    falling = (round(max_iters ** (1 - i / max(1, count - 2))) for i in range(count - 1))
    return [0, *sorted(set(falling))]


def _safe(folder: Path) -> str:
    """What a run that ends badly leaves."""
    saved = checkpoint.latest_state(folder / "state")
    if saved is None:
        return "There is no saved state."
    return f"The state of step {saved[1]['step']} in {folder / 'state'} is intact; --resume goes on from it."


def _restore(
    folder: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], average: Average | None
) -> tuple[int, float]:
    """Put the newest saved state back; return its (step, training seconds)."""
    found = checkpoint.latest_state(folder / "state")
    if found is None:
        raise TrainError(f"{folder / 'state'} holds no saved state to resume from.")
    tensors, info = found
    try:
        model.load_state_dict({n: tensors[f"model.{n}"] for n, _ in model.named_parameters()}, strict=False)
        for i, o in enumerate(optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, t in tensors.items():
                if name.startswith(f"optimizer.{i}."):
                    _, _, index, key = name.split(".")
                    state.setdefault(int(index), {})[key] = t
            o.load_state_dict({**o.state_dict(), "state": state})
        if average:
            average.weights = {n: tensors[f"average.{n}"].to(w.device) for n, w in average.weights.items()}
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainError(f"The state in {folder} is of another model or optimizer: {error}.") from error
    os.truncate(folder / "metrics.jsonl", info["metrics_bytes"])
    say(f"resumed from step {info['step']:,} in {folder}")
    if info.get("threads", torch.get_num_threads()) != torch.get_num_threads():
        say(f"note: saved on {info['threads']} threads; on {torch.get_num_threads()} sums round in another order")
    return info["step"], info["seconds"]


def say(text: str) -> None:
    """A line for the reader, above the progress bar where there is one."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder: a second trainer leaves at once. The kernel frees the lock with the process."""
    with (folder / ".lock").open("a+") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            f.seek(0)
            raise TrainError(f"{folder} is being trained by process {f.read().strip() or '?'}.") from None
        f.truncate(0)
        f.write(str(os.getpid()))
        f.flush()
        yield


class Stop:
    """Set by the first Ctrl-C or SIGTERM: the step is finished and saved. The second one stops at once."""

    def __init__(self) -> None:
        self.asked = False

    def __bool__(self) -> bool:
        return self.asked

    def __call__(self, number: int, frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        say("stopping after this step; once more stops now, and leaves the last saved state")


@contextlib.contextmanager
def _stoppable() -> Iterator[Stop]:
    stop = Stop()
    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


def default_of(f: "Field[Any]") -> Any:
    return None if f.default is MISSING else f.default
