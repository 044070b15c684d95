"""The state of a run, which each optimizer step changes: weights, optimizers, average, step and seconds.

The randomness of a step (its windows and its dropout) is a function of the seed and the numbers of its batches, so
this state is all that has to be saved: a resumed run equals an uninterrupted one bit for bit. Several processes take
the micro-batches of a step in turn: two processes do the same as one that accumulates twice as many.
"""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanogpt.device import autocast
from nanogpt.models.base import LanguageModel
from nanogpt.storage import states
from nanogpt.training.config import TrainConfig
from nanogpt.training.distributed import ALONE, Group
from nanogpt.training.errors import TrainError
from nanogpt.training.optimizer import Average, build_optimizers, schedule
from nanogpt.training.recipe import compare
from nanogpt.training.run_directory import RunDirectory
from nanogpt.training.windows import Windows, mix_seed


class NotFiniteError(Exception):
    """The loss, the gradient or a weight is infinite or not a number. Nothing was updated or saved since."""


@dataclass(frozen=True)
class StepResult:
    """What one optimizer step reports."""

    loss: float  # nats per character, the mean over the micro-batches of all processes
    learning_rate: float  # of the first parameter group
    share: float  # of the peak learning rate, from 0 to 1
    norm: float | None  # of the gradient before clipping; None if float16 overflowed and the step was skipped


@dataclass(frozen=True)
class Best:
    """The evaluation with the lowest validation loss so far."""

    step: int
    loss: float  # nats per character
    weights: dict[str, Tensor]  # in bfloat16 on the CPU, as a checkpoint stores them; empty if they are not kept
    since: int = 0  # evaluations since then


class RunState:
    """A model with everything that its next step depends on. `save` and `restore` leave nothing out."""

    def __init__(self, config: TrainConfig, model: LanguageModel, dtype: torch.dtype, group: Group = ALONE):
        """Start at step 0 with the weights of `model`. `dtype` is that of the matrix products."""
        self.config, self.model, self.dtype, self.group = config, model.train(), dtype, group
        self.step, self.seconds = 0, 0.0  # optimizer steps taken, and the seconds they took
        self.device = model.device
        if config.gradient_checkpointing:
            model.gradient_checkpointing = True  # type: ignore[assignment]
        self.optimizers = build_optimizers(
            model,
            kind=config.optimizer,
            learning_rate=config.learning_rate,
            matrix_lr=config.matrix_lr,
            weight_decay=config.weight_decay,
            betas=(config.beta1, config.beta2),
            dtype=dtype,
        )
        self.peak_rates = [[parameters["lr"] for parameters in o.param_groups] for o in self.optimizers]
        self.average = Average(model, config.ema_decay) if config.ema_decay else None
        self.best: Best | None = None
        self.evaluated: tuple[int, float] = (-1, math.nan)  # step and validation loss of the last evaluation
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=dtype == torch.float16)
        self.forward = torch.compile(model) if config.compile else model
        self.micro_batches = config.gradient_accumulation_steps * group.size  # of a step, in all processes

    @property
    def tokens_per_step(self) -> int:
        return self.config.batch_size * self.config.block_size * self.micro_batches

    @property
    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    # --- one step ----------------------------------------------------------------------------------------------

    def take_step(self, windows: Windows) -> StepResult:
        """Take one optimizer step on the next windows. Raises NotFiniteError before the update, LostProcessError."""
        began = time.perf_counter()
        share = self._set_learning_rates()
        rate = self.peak_rates[0][0] * share
        loss = self._accumulate_gradients(windows)
        norm = self._clip_gradients()
        overflowed = self.scaler.is_enabled() and not math.isfinite(norm)  # float16: skip this step, scale less
        if not math.isfinite(loss) or not (math.isfinite(norm) or overflowed):
            raise NotFiniteError(
                f"Step {self.step}: the loss is {loss}, the gradient's norm {norm}, at a learning rate of {rate:g}. "
                "Stopped before the update."
            )
        self._update_weights(overflowed)
        self.step += 1
        self.seconds += time.perf_counter() - began
        return StepResult(loss, rate, share, None if overflowed else norm)

    def _set_learning_rates(self) -> float:
        """Set every learning rate for this step; return its share of the peak."""
        config = self.config
        share = schedule(
            self.step, config.max_iters, shape=config.lr_schedule, warmup_iters=config.warmup_iters,
            cooldown=config.cooldown, floor=config.min_lr,
        )  # fmt: skip
        for o, peaks in zip(self.optimizers, self.peak_rates, strict=True):
            for parameters, peak in zip(o.param_groups, peaks, strict=True):
                parameters["lr"] = peak * share
        return share

    def _accumulate_gradients(self, windows: Windows) -> float:
        """Sum the gradients of this process's micro-batches, then average over the group; return the mean loss."""
        loss = 0.0
        for micro in range(self.group.rank, self.micro_batches, self.group.size):
            number = self.step * self.micro_batches + micro
            torch.manual_seed(mix_seed(self.config.seed, number))  # for dropout
            x, y = (part.to(self.device) for part in windows.batch(number, self.config.batch_size))
            with autocast(self.device, self.dtype):
                micro_loss = F.cross_entropy(self.forward(x).flatten(0, 1), y.flatten(0, 1))
            self.scaler.scale(micro_loss / self.config.gradient_accumulation_steps).backward()
            loss += micro_loss.item() / self.config.gradient_accumulation_steps
        self.group.mean_gradients(self.model)
        return self.group.mean_of(loss)

    def _clip_gradients(self) -> float:
        """Undo the loss scale and clip the gradient; return its norm before clipping."""
        for o in self.optimizers:
            self.scaler.unscale_(o)
        return nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip or math.inf).item()

    def _update_weights(self, overflowed: bool) -> None:
        for o in self.optimizers:
            if not overflowed:
                self.scaler.step(o)
            o.zero_grad(set_to_none=True)
        self.scaler.update()
        if self.average:
            self.average.update(self.model, self.step)

    # --- the weights that are kept -----------------------------------------------------------------------------

    def weights(self) -> dict[str, Tensor]:
        """The weights that a checkpoint or a snapshot holds: the average if there is one, else the model's own."""
        return self.average.weights if self.average else dict(self.model.named_parameters())

    @contextlib.contextmanager
    def as_saved(self) -> Iterator[LanguageModel]:
        """Within the block, the model has the weights that a checkpoint would hold, and no dropout."""
        own = {n: p.detach().clone() for n, p in self.model.named_parameters()} if self.average else {}
        training = self.model.training
        if self.average:
            self.model.load_state_dict(self.average.weights, strict=False)
        self.model.eval()
        try:
            yield self.model
        finally:
            self.model.load_state_dict(own, strict=False)
            self.model.train(training)

    def judge(self, loss: float) -> None:
        """Note the validation loss of these weights; keep them if it is the lowest, and if the config says so."""
        self.evaluated = self.step, loss
        if self.best and not loss < self.best.loss:  # a loss that is no number is no improvement
            self.best = replace(self.best, since=self.best.since + 1)
            return
        kept = self.weights() if self.config.keep == "best" else {}
        self.best = Best(self.step, loss, {n: t.detach().to("cpu", torch.bfloat16) for n, t in kept.items()})

    # --- saving and restoring ----------------------------------------------------------------------------------

    def save(self, directory: RunDirectory) -> None:
        """Save this state, and drop old ones. Raises NotFiniteError if a weight is not finite; nothing is saved."""
        if not all(p.isfinite().all() for p in self.model.parameters()):
            raise NotFiniteError(f"Step {self.step}: the weights are no longer finite numbers.")
        info = {"seconds": self.seconds, "metrics_bytes": directory.log_bytes(), "config": asdict(self.config),
                "threads": torch.get_num_threads(), "scaler": self.scaler.state_dict(),
                "best": self.best and [self.best.step, self.best.loss, self.best.since],
                "evaluated": self.evaluated, "text": directory.text, "replaces": directory.replaces}  # fmt: skip
        states.save_state(directory.states, self.step, self._tensors(), info, self.config.keep_last)

    def _tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state under a flat name: model.…, optimizer.NUMBER.INDEX.KEY, average.…, best.…"""
        tensors: dict[str, Tensor] = {f"model.{n}": p for n, p in self.model.named_parameters()}
        for i, o in enumerate(self.optimizers):
            for index, entries in o.state_dict()["state"].items():
                tensors |= {f"optimizer.{i}.{index}.{key}": t for key, t in entries.items()}
        if self.average:
            tensors |= {f"average.{n}": t for n, t in self.average.weights.items()}
        if self.best:
            tensors |= {f"best.{n}": t for n, t in self.best.weights.items()}
        return tensors

    def restore(self, directory: RunDirectory, *, weights_only: bool = False) -> dict[str, Any]:
        """Continue from the newest saved state; return its manifest. With `weights_only`, leave the optimizers.

        Raises TrainError if there is no saved state, or if it belongs to another run.
        """
        tensors, info = directory.latest_state()
        info["changed"] = compare(info, self.config, directory.text)
        directory.replaces = info.get("replaces", False)
        try:
            own = {n: tensors[f"model.{n}"] for n, _ in self.model.named_parameters()}
            self.model.load_state_dict(own, strict=False)
            if self.average:
                found = {n: tensors[f"average.{n}"] for n in self.average.weights}
                self.average.weights = {n: t.to(self.device) for n, t in found.items()}
            if not weights_only:
                self._restore_optimizers(tensors)
                self.scaler.load_state_dict(info["scaler"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainError(
                f"The state in {directory.path} is of another model, optimizer or dtype: {error}."
            ) from error
        self.step, self.seconds = info["step"], info["seconds"]
        if info.get("best"):  # a run of an earlier version has none
            step, loss, since = info["best"]
            kept = {n.removeprefix("best."): t for n, t in tensors.items() if n.startswith("best.")}
            self.best, self.evaluated = Best(step, loss, kept, since), tuple(info["evaluated"])
        return info

    def _restore_optimizers(self, tensors: dict[str, Tensor]) -> None:
        for i, o in enumerate(self.optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, t in tensors.items():
                if name.startswith(f"optimizer.{i}."):
                    _, _, index, key = name.split(".")
                    state.setdefault(int(index), {})[key] = t
            o.load_state_dict({**o.state_dict(), "state": state})
