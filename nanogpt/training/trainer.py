"""Training: from a config to a checkpoint. This module prepares a run; `loop` takes its steps."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from nanogpt.device import deterministic, keep_memory, pick_device, pick_dtype
from nanogpt.models import build_model, config_values, kind_of
from nanogpt.models.base import LanguageModel
from nanogpt.storage import checkpoint
from nanogpt.text.corpus import Corpus, load_corpus, read_text
from nanogpt.training.config import TrainConfig
from nanogpt.training.console import say
from nanogpt.training.distill import lesson, load_teachers
from nanogpt.training.distributed import ALONE, Group, LostProcessError
from nanogpt.training.errors import TrainError
from nanogpt.training.evaluation import check_text_lengths, estimate_losses
from nanogpt.training.fine_tuning import load_origin
from nanogpt.training.loop import TrainingLoop
from nanogpt.training.memory import check_size
from nanogpt.training.recipe import shown_recipe, text_of
from nanogpt.training.report import discard, reporter
from nanogpt.training.run_directory import RunDirectory
from nanogpt.training.run_state import NotFiniteError, RunState
from nanogpt.training.stop import Stop
from nanogpt.training.windows import Windows

__all__ = ["TrainError", "train", "train_in_turn"]


def train_in_turn(configs: Sequence[TrainConfig], command: str = "", group: Group = ALONE) -> None:
    """Train one model after another. Ctrl-C or SIGTERM stops the current one, and no other is begun.

    Raises what `train` raises.
    """
    stop = Stop()
    for trained, config in enumerate(configs, 1):
        if config.resume and len(configs) > 1 and not config.folder.exists():
            say(f"{config.name} was never begun: it is trained from the start")
            config = replace(config, resume=False)
        train(config, command, group, stop)
        waiting = [other.model for other in configs[trained:]]
        with _as_train_error(RunDirectory(config.folder)):
            if not waiting or not group.any(stop.requested):  # the answer is the same in all processes
                continue
        if group.is_leader:
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
    loss is no longer finite or another process of the group is gone; the last saved state is then intact.
    """
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    deterministic(config.deterministic)
    keep_memory()
    open_report = reporter(config.report_to)
    device = pick_device(group.device(config.device))
    dtype = pick_dtype(config.dtype, device)
    origin, corpus = _origin_and_corpus(config, group)
    with torch.device("meta"):  # shapes without memory
        outline = build_model(config.model_config(corpus.tokenizer.vocab_size))
    windows = Windows(corpus.train, config.block_size, config.seed)
    check_text_lengths(outline, corpus)
    memory = check_size(config, outline, device)
    directory, stop = RunDirectory(config.folder, text_of(config, corpus)), stop or Stop()
    if config.eval_only:
        return _evaluate_only(config, device, corpus, directory) if group.is_leader else {}
    model = _initial_model(config, corpus.tokenizer.vocab_size, origin).to(device)
    teachers = load_teachers(config.distill_from, corpus.tokenizer, device, dtype)
    claimed = directory.claimed(may_exist=config.overwrite or config.resume) if group.is_leader else nullcontext()
    with claimed, _as_train_error(directory):
        if teachers:
            windows = distillation_windows(config, teachers, corpus, group)
        if group.is_leader:
            if not config.resume:
                directory.clear()
            say(f"{config.name}: {memory}; {shown_recipe(config)}")
        reporting = open_report(directory.path, asdict(config)) if group.is_leader else nullcontext(discard)
        with stop.on_signal(), reporting as report:
            state = RunState(config, model, dtype, group)
            loop = TrainingLoop(config, corpus, windows, state, directory, group, stop, report)
            return loop.run(command)


@contextmanager
def _as_train_error(directory: RunDirectory) -> Iterator[None]:
    """Say of a run that failed on the way which saved state it leaves."""
    try:
        yield
    except (LostProcessError, NotFiniteError) as error:
        raise TrainError(f"{error} {directory.describe_saved_state()}") from error
    except BrokenPipeError as error:
        raise TrainError(f"Nobody reads the output any more. {directory.describe_saved_state()}") from error
    except OSError as error:
        problem = f"{error.filename or directory.path}: {error.strerror or error}."
        raise TrainError(f"{problem} {directory.describe_saved_state()}") from error


def _origin_and_corpus(config: TrainConfig, group: Group) -> tuple[LanguageModel | None, Corpus]:
    """The model that the weights are taken from, if there is one, and the text with the right vocabulary."""
    origin, tokenizer = None, None
    if config.init_from:
        text = read_text(config.data) if config.grow_vocabulary else None
        origin, tokenizer, notice = load_origin(config.init_from, text)
        if notice and group.is_leader:
            say(f"note: {notice}")
    if config.tokenizer != "char":
        _, tokenizer = checkpoint.read_model(config.tokenizer)
    corpus = load_corpus(config.data, config.val_fraction, tune=config.tune, tokenizer=tokenizer)
    if group.is_leader and corpus.left_out:
        say(f"note: {corpus.left_out}")
    return origin, corpus


def _initial_model(config: TrainConfig, vocab_size: int, origin: LanguageModel | None) -> LanguageModel:
    """The model before its first step, with weights drawn from the seed or copied from `origin`."""
    torch.manual_seed(config.seed)
    model = build_model(config.model_config(vocab_size))
    if origin is None:
        return model
    wanted, given = ({"model": kind_of(m.config), **config_values(m.config)} for m in (model, origin))
    for field in {**wanted, **given}:
        if field != "dropout" and wanted.get(field) != given.get(field):
            name = Path(config.init_from).name
            raise ValueError(f"init_from: {name} has {field} {given.get(field)}, this run {wanted.get(field)}.")
    model.load_state_dict(origin.state_dict())
    return model


def distillation_windows(
    config: TrainConfig, teachers: Sequence[LanguageModel], corpus: Corpus, group: Group
) -> Windows:
    """Windows whose targets are what the teachers predict. The leader computes them; the others read its cache."""
    if group.is_leader:
        generated = f" and generate {config.synthetic_chars:,} characters" if config.synthetic_chars else ""
        say(f"{len(teachers)} teachers predict the text{generated}")
    began = time.perf_counter()
    with group.leader_first():
        ids, targets = lesson(teachers, corpus.train, config.synthetic_chars, quiet=not group.is_leader)
    if group.is_leader:
        say(f"distillation targets for {len(ids):,} characters, in {time.perf_counter() - began:.0f} s")
    return Windows(ids, config.block_size, config.seed, targets)


def _evaluate_only(
    config: TrainConfig, device: torch.device, corpus: Corpus, directory: RunDirectory
) -> dict[str, Any]:
    """The losses of the newest saved state, or of a checkpoint without states. Nothing is written."""
    if not directory.has_state() and (directory.path / checkpoint.CONFIG).exists():
        model, _ = checkpoint.read_model(directory.path, device)
        losses = estimate_losses(config, model, corpus)
        say(f"{directory.path}: train {losses['train']:.4f}, val {losses['val']:.4f}; nothing was written")
        return losses
    model = build_model(config.model_config(corpus.tokenizer.vocab_size)).to(device)
    state = RunState(config, model, torch.float32)
    state.restore(directory, weights_only=True)
    with state.as_saved():
        losses = estimate_losses(config, model, corpus)
    say(f"step {state.step:,}: train {losses['train']:.4f}, val {losses['val']:.4f}; nothing was written")
    return {"step": state.step, "seconds": state.seconds, **losses}
