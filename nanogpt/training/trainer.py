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
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from nanogpt.analysis import score
from nanogpt.device import autocast, describe, deterministic, pick_device, pick_dtype
from nanogpt.generation.generate import generate
from nanogpt.generation.sampling import SamplingParams
from nanogpt.models import build_model, config_values, kind_of
from nanogpt.storage import checkpoint
from nanogpt.text.corpus import Corpus, DataError, load_corpus
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training.config import TrainConfig
from nanogpt.training.console import say
from nanogpt.training.distill import lesson, load_teachers
from nanogpt.training.distributed import Group, LostProcessError
from nanogpt.training.model_card import model_card
from nanogpt.training.optimizer import Average, build_optimizers, schedule
from nanogpt.training.report import Report, reporter, unheard
from nanogpt.training.stop import Stop
from nanogpt.training.windows import Windows, mix_seed


class TrainError(Exception):
    """Training cannot start or go on; the message says why and what is safe."""


ALONE = Group()


def train_in_turn(configs: Sequence[TrainConfig], command: str = "", group: Group = ALONE) -> None:
    """Train one model after another. Ctrl-C or SIGTERM stops the current one and begins no other.

    Raises what `train` raises.
    """
    stop = Stop()
    for trained, config in enumerate(configs, 1):
        train(config, command, group, stop)
        waiting = [other.model for other in configs[trained:]]
        with _together(config.folder):
            if not waiting or not group.any(stop.requested):  # all processes of the group take the same way
                continue
        if group.leads:
            say(
                f"not trained: {', '.join(waiting)}. To train the rest, repeat the command with "
                f"{' '.join(f'--model {model}' for model in waiting)} and no other --model"
            )
        return


def train(config: TrainConfig, command: str = "", group: Group = ALONE, stop: Stop | None = None) -> dict[str, Any]:
    """Train one model and leave it in `config.folder`; return the last line of its metrics.

    The first Ctrl-C or SIGTERM is noted in `stop`: the step is finished and saved, and the model is written. The
    second one raises KeyboardInterrupt at once.

    Raises TrainError, DataError, CheckpointError or ValueError before anything is written, and TrainError when the
    loss is no longer finite or another process of the group is gone; the last saved state then stands.
    """
    stop = stop or Stop()
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    deterministic(config.deterministic)
    reporting = reporter(config.report_to)
    device = pick_device(group.device(config.device))
    dtype = pick_dtype(config.dtype, device)
    origin, spelling = checkpoint.load(config.init_from) if config.init_from else (None, None)
    if config.tokenizer != "char":
        _, spelling = checkpoint.load(config.tokenizer)
    corpus = load_corpus(config.data, config.val_fraction, tune=config.tune, tokenizer=spelling)
    if group.leads and corpus.left_out:
        say(f"note: {corpus.left_out}")
    windows = Windows(corpus.train, config.block_size, config.seed)
    _check_lengths(config, corpus)
    folder = config.folder
    if config.eval_only:
        return _judge(config, device, corpus)
    model = _beginning(config, corpus.tokenizer.vocab_size, origin).to(device)
    if group.leads and folder.exists() and any(folder.iterdir()) and not (config.overwrite or config.resume):
        raise TrainError(
            f"{folder} exists. Give --resume to go on with it, --overwrite to replace it, or another --name."
        )
    if config.distill_from:
        teachers = load_teachers(config.distill_from, corpus.tokenizer, device, dtype)
        if group.leads:
            writing = f" and {config.synthetic_chars:,} characters that they write" if config.synthetic_chars else ""
            say(f"{len(teachers)} teachers read the text{writing}")
        began = time.perf_counter()
        ids, targets = lesson(teachers, corpus.train, config.synthetic_chars)
        if group.leads:
            say(f"a lesson of {len(ids):,} characters, in {time.perf_counter() - began:.0f} s")
        windows = Windows(ids, config.block_size, config.seed, targets)
    if not group.leads:  # whoever leads locks and writes; all must see the folder to resume
        with stop.on_signal(), _together(folder):
            return _train(config, command, model, dtype, corpus, windows, stop, group, unheard)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder), stop.on_signal(), _together(folder):
        if not config.resume:  # what an overwritten run left would pass for newer
            for old in ("state", "snapshots", "tensorboard"):
                shutil.rmtree(folder / old, ignore_errors=True)
            (folder / checkpoint.METRICS).write_text("")
        with reporting(folder, asdict(config)) as report:
            return _train(config, command, model, dtype, corpus, windows, stop, group, report)


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


def _beginning(config: TrainConfig, vocab_size: int, origin: nn.Module | None) -> nn.Module:
    """The model before its first step: drawn from the seed, or with the weights of `origin`."""
    torch.manual_seed(config.seed)
    model = build_model(config.model_config(vocab_size))
    if origin is not None:
        mine, its = ({"model": kind_of(m.config), **config_values(m.config)} for m in (model, origin))
        for field in {**mine, **its}:
            if field != "dropout" and mine.get(field) != its.get(field):
                name = Path(config.init_from).name
                raise ValueError(f"init_from: {name} has {field} {its.get(field)}, this run {mine.get(field)}.")
        model.load_state_dict(origin.state_dict())
    return model


def _train(
    config: TrainConfig,
    command: str,
    model: nn.Module,
    dtype: torch.dtype,
    corpus: Corpus,
    windows: Windows,
    stop: Stop,
    group: Group,
    report: Report,
) -> dict[str, Any]:
    folder, device = config.folder, next(model.parameters()).device
    if config.gradient_checkpointing:
        model.gradient_checkpointing = True  # type: ignore[assignment]
    optimizers = build_optimizers(
        model,
        kind=config.optimizer,
        learning_rate=config.learning_rate,
        matrix_lr=config.matrix_lr,
        weight_decay=config.weight_decay,
        betas=(config.beta1, config.beta2),
        dtype=dtype,
    )
    peak_rates = [[group["lr"] for group in o.param_groups] for o in optimizers]
    average = Average(model, config.ema_decay) if config.ema_decay else None
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    step, seconds = 0, 0.0
    metrics = folder / checkpoint.METRICS
    if config.resume:
        info = _restore(folder, model, optimizers, average, scaler)
        step, seconds = info["step"], info["seconds"]
        if group.leads:
            os.truncate(metrics, info["metrics_bytes"])
            say(f"resumed from step {step:,} in {folder}")
            if info["threads"] != (now := torch.get_num_threads()):
                say(f"note: saved on {info['threads']} threads; on {now} sums round in another order")
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

    def log(**values: Any) -> dict[str, Any]:
        row = {"step": step, "tokens": step * batch_tokens, "seconds": round(seconds, 2), **values}
        with metrics.open("a") as f:
            f.write(json.dumps(row) + "\n")
        report(step, row)
        return row

    def save() -> None:
        if not all(p.isfinite().all() for p in model.parameters()):
            raise TrainError(f"Step {step}: the weights are no longer finite numbers. {_safe(folder)}")
        info = {"seconds": seconds, "metrics_bytes": metrics.stat().st_size, "config": asdict(config),
                "threads": torch.get_num_threads(), "scaler": scaler.state_dict()}  # fmt: skip
        checkpoint.save_state(folder / "state", step, _state(model, optimizers, average), info, config.keep_last)

    def evaluate() -> None:
        with as_saved(model, average):
            loss = estimate(config, model, corpus)
        log(**loss)
        say(f"step {step:,}: train {loss['train']:.4f}, val {loss['val']:.4f}, {seconds:.0f} s")

    def show() -> None:
        with as_saved(model, average):
            say("  " + repr(sample(model, corpus.tokenizer, 100)))

    bar = tqdm(total=config.max_iters, initial=step, desc=config.name, unit="step",
               disable=not (group.leads and sys.stderr.isatty()))  # fmt: skip
    keep = snapshot_steps(config.snapshots, config.max_iters) if group.leads else []
    model.train()
    if group.leads and not metrics.stat().st_size:  # a run that was stopped before its first step has done this
        evaluate()
        show()
    if step == 0 and 0 in keep:
        checkpoint.save_snapshot(folder / "snapshots", 0, _weights(model, average))
    while step < config.max_iters:
        if group.any(stop.requested or 0 < config.max_seconds <= seconds):
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
                micro_loss = F.cross_entropy(forward(x).flatten(0, 1), y.flatten(0, 1))
            scaler.scale(micro_loss / config.gradient_accumulation_steps).backward()
            loss += micro_loss.item() / config.gradient_accumulation_steps
        group.mean_gradients(model)
        loss = group.mean_of(loss)
        for o in optimizers:
            scaler.unscale_(o)
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip or math.inf).item()
        overflowed = scaler.is_enabled() and not math.isfinite(norm)  # float16's range: skip the step, scale less
        if not math.isfinite(loss) or not (math.isfinite(norm) or overflowed):
            raise TrainError(
                f"Step {step}: the loss is {loss}, the gradient's norm {norm}, at a learning rate of "
                f"{peak_rates[0][0] * share:g}. Stopped before the update. {_safe(folder)}"
            )
        for o in optimizers:
            if not overflowed:
                scaler.step(o)
            o.zero_grad(set_to_none=True)
        scaler.update()
        if average:
            average.update(model, step)
        step += 1
        seconds += time.perf_counter() - began
        if not group.leads:
            continue
        bar.update()
        bar.set_postfix(loss=f"{loss:.3f}", lr=f"{share:.2f}", tok_s=f"{step * batch_tokens / seconds:,.0f}")
        if step % config.log_interval == 0:
            log(loss=loss, lr=peak_rates[0][0] * share, norm=None if overflowed else norm)
        if step == 10:
            say(f"about {(config.max_iters - step) * seconds / step / 60:.1f} minutes of training to go")
        if step in keep:
            checkpoint.save_snapshot(folder / "snapshots", step, _weights(model, average))
        if step % config.eval_interval == 0 and step < config.max_iters:
            evaluate()
        if step % (config.sample_interval or config.eval_interval) == 0 and step < config.max_iters:
            show()
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
        say(f"to continue from step {step:,}, repeat the command with --model {config.model} --resume")
    return row


def estimate(config: TrainConfig, model: nn.Module, corpus: Corpus) -> dict[str, float]:
    """The losses that are logged on the way: train by fixed random windows, val likewise or, with full_eval, whole."""
    window = score.evaluation_window(model)

    def part(ids: Tensor) -> float:
        return score.random_windows_loss(model, ids, window, batches=config.eval_iters, batch_size=32)

    val = score.windows_loss(model, corpus.val, window, [0]) if config.full_eval else part(corpus.val)
    return {"train": part(corpus.train), "val": val}


def _judge(config: TrainConfig, device: torch.device, corpus: Corpus) -> dict[str, Any]:
    """What `--eval_only` does: the losses of the newest saved state; nothing is written."""
    model = build_model(config.model_config(corpus.tokenizer.vocab_size)).to(device)
    average = Average(model, config.ema_decay) if config.ema_decay else None
    info = _restore(config.folder, model, average=average)
    with as_saved(model, average):
        row = {"step": info["step"], "seconds": info["seconds"], **estimate(config, model, corpus)}
    say(f"step {row['step']:,}: train {row['train']:.4f}, val {row['val']:.4f}; nothing was written")
    return row


def sample(model: nn.Module, tokenizer: CharTokenizer, count: int) -> str:
    """A short continuation of a newline: the same luck at every evaluation, so that progress can be read."""
    model.eval()
    steps = generate(model, [tokenizer.start_id], SamplingParams(max_new_tokens=count))
    return tokenizer.decode(s.id for s in steps)


@contextlib.contextmanager
def as_saved(model: nn.Module, average: Average | None) -> Iterator[None]:
    """The model as it would be saved, with its averaged weights and without dropout, for the length of the block."""
    own = {n: p.detach().clone() for n, p in model.named_parameters()} if average else {}
    training = model.training
    if average:
        model.load_state_dict(average.weights, strict=False)
    model.eval()
    try:
        yield
    finally:
        model.load_state_dict(own, strict=False)
        model.train(training)


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
    folder: Path,
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer] = (),
    average: Average | None = None,
    scaler: torch.amp.GradScaler | None = None,
) -> dict[str, Any]:
    """Put the newest saved state back into what is given; return what was noted beside it: step, seconds, …"""
    found = checkpoint.latest_state(folder / "state")
    if found is None:
        raise TrainError(f"{folder / 'state'} holds no saved state to go on from.")
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
        if scaler:
            scaler.load_state_dict(info["scaler"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainError(f"The state in {folder} is of another model, optimizer or dtype: {error}.") from error
    return info


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
