"""The training loop: from the first step, or a saved state, to a finished checkpoint. All it needs is prepared."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from nanogpt.device import describe
from nanogpt.storage import checkpoint
from nanogpt.storage.atomic import write_file
from nanogpt.text.corpus import Corpus
from nanogpt.training.config import TrainConfig
from nanogpt.training.console import progress_bar, say
from nanogpt.training.distributed import Group
from nanogpt.training.evaluation import estimate_losses, protocol_loss, sample_text
from nanogpt.training.model_card import model_card
from nanogpt.training.recipe import write_recipe
from nanogpt.training.report import Report
from nanogpt.training.run_directory import RunDirectory
from nanogpt.training.run_state import RunState, StepResult
from nanogpt.training.stop import Stop
from nanogpt.training.windows import Windows


@dataclass(frozen=True)
class TrainingLoop:
    """The loop of one process. Only the leader of its group evaluates, writes and prints."""

    config: TrainConfig
    corpus: Corpus
    windows: Windows
    state: RunState
    directory: RunDirectory
    group: Group
    stop: Stop
    report: Report

    def run(self, command: str) -> dict[str, Any]:
        """Train to the end or to a stop; return the last line of the log, or nothing if this is not the leader."""
        if self.config.resume:
            self._resume()
        if self.group.is_leader:
            self._start()
        with progress_bar(self.config.name, self.state.step, self.config.max_iters, self.group.is_leader) as bar:
            while self.state.step < self.config.max_iters and not self._must_stop():
                result = self.state.take_step(self.windows)
                if self.group.is_leader:
                    self._follow(result, bar)
        if not self.group.is_leader:
            return {}
        self.state.save(self.directory)
        return self._finish(command)

    def _resume(self) -> None:
        info = self.state.restore(self.directory)
        if not self.group.is_leader:
            return
        self.directory.cut_log(info["metrics_bytes"])
        say(f"resumed from step {self.state.step:,} in {self.directory.path}")
        if info["changed"]:
            say(f"note: the schedule is another than before: {info['changed']}")
        if info["threads"] != (now := torch.get_num_threads()):
            say(f"note: saved with {info['threads']} threads; with {now}, sums are rounded in another order")

    def _start(self) -> None:
        config, corpus, state = self.config, self.corpus, self.state
        processes = f", {self.group.size} processes" if self.group.size > 1 else ""
        say(
            f"{config.model}: {state.parameter_count:,} parameters on {corpus.name} ({len(corpus.train):,} training "
            f"characters), {config.max_iters:,} steps of {state.tokens_per_step:,} characters, {state.device.type}, "
            f"{str(state.dtype)[6:]}{processes}; {describe()}"
        )
        if not self.directory.log_bytes():  # a run that was stopped before its first step has done this
            self._evaluate()
            self._show_sample()
        if state.step == 0:
            self._keep_snapshot()
            state.save(self.directory)  # from now on there is something to resume

    def _must_stop(self) -> bool:
        limit = self.config.max_seconds
        return self.group.any(self.stop.requested or 0 < limit <= self.state.seconds or self._has_turned())

    def _has_turned(self) -> bool:
        """Whether the validation loss has not fallen for as long as `patience` allows."""
        best = self.state.best  # only the leader has one
        return best is not None and 0 < self.config.patience <= best.since

    def _follow(self, result: StepResult, bar: "tqdm[None]") -> None:
        """What the leader does after a step: show the progress; log, evaluate and save when it is time to."""
        config, step, seconds = self.config, self.state.step, self.state.seconds
        speed = step * self.state.tokens_per_step / seconds
        bar.update()
        bar.set_postfix(loss=f"{result.loss:.3f}", lr=f"{result.share:.2f}", tok_s=f"{speed:,.0f}")
        if step % config.log_interval == 0:
            self._log(loss=result.loss, lr=result.learning_rate, norm=result.norm)
        if step == 10 or (step == 1 and seconds > 1):  # a slow first step already tells enough
            say(f"about {(config.max_iters - step) * seconds / step / 60:.1f} minutes of training to go")
        self._keep_snapshot()
        if step == config.max_iters:
            return  # the last evaluation, sample and state come with the finished model
        if step % config.eval_interval == 0:
            self._evaluate()
        if step % (config.sample_interval or config.eval_interval) == 0:
            self._show_sample()
        if step % config.save_interval == 0:
            self.state.save(self.directory)

    def _log(self, **values: Any) -> dict[str, Any]:
        step = self.state.step
        row = {"step": step, "tokens": step * self.state.tokens_per_step, "seconds": round(self.state.seconds, 2)}
        row |= values
        self.directory.log(row)
        self.report(step, row)
        return row

    def _evaluate(self) -> None:
        with self.state.as_saved() as model:
            losses = estimate_losses(self.config, model, self.corpus)
        self.state.judge(losses["val"])
        self._log(**losses)
        say(
            f"step {self.state.step:,}: train {losses['train']:.4f}, val {losses['val']:.4f}, "
            f"{self.state.seconds:.0f} s"
        )

    def _show_sample(self) -> None:
        with self.state.as_saved() as model:
            say("  " + repr(sample_text(model, self.corpus.tokenizer, 100)))

    @cached_property
    def _snapshot_steps(self) -> Collection[int]:
        return frozenset(snapshot_steps(self.config.snapshots, self.config.max_iters))

    def _keep_snapshot(self) -> None:
        if self.state.step in self._snapshot_steps:
            checkpoint.save_snapshot(self.directory.snapshots, self.state.step, self.state.weights())

    def _finish(self, command: str) -> dict[str, Any]:
        """Write the model, judge the written file by the evaluation protocol, and write its card."""
        config, corpus, state, path = self.config, self.corpus, self.state, self.directory.path
        stopped = state.step < config.max_iters and not self._has_turned()
        if stopped and self.directory.replaces:
            say(f"stopped at step {state.step:,}; {path} still has the model of the earlier run")
            self._say_how_to_resume()
            return {"step": state.step, "seconds": state.seconds}
        say(f"{'stopped at' if stopped else 'done:'} step {state.step:,}; the model is judged and written")
        if state.evaluated[0] != state.step:
            self._evaluate()
        weights, turned = self._kept()
        checkpoint.save(path, state.model, corpus.tokenizer, dtype=torch.bfloat16, weights=weights)
        write_recipe(path, config, corpus)
        model, _ = checkpoint.read_model(path, state.device)
        window, loss = protocol_loss(model, corpus, quick=stopped)
        row = self._log(**{f"full_val_{window}": loss, "parameters": state.parameter_count, "machine": describe()})
        text = sample_text(model, corpus.tokenizer, 300)
        write_file(path / "README.md", model_card(config, command, row, window, corpus, text, turned).encode())
        say(f"full-val@{window} {loss:.4f}, {state.seconds:.0f} s, in {path}")
        if turned:
            say(turned)
        if stopped:
            self._say_how_to_resume()
        return row

    def _say_how_to_resume(self) -> None:
        config, step = self.config, self.state.step
        say(f"to continue from step {step:,}, repeat the command with --model {config.model} --resume")

    def _kept(self) -> tuple[dict[str, Tensor], str]:
        """The weights of the checkpoint, and a sentence for a run whose validation loss has risen."""
        best, (step, loss) = self.state.best, self.state.evaluated
        if best is None or best.step == step:
            return self.state.weights(), ""
        kept = step if self.config.keep == "last" else best.step
        turned = (
            f"The validation loss was lowest at step {best.step:,}, {best.loss:.4f}, and {loss:.4f} at step {step:,}; "
            f"the checkpoint has the weights of step {kept:,}."
        )
        return (self.state.weights() if kept == step else best.weights), turned


def snapshot_steps(count: int, max_iters: int) -> list[int]:
    """Step 0, the last step, and steps between them at growing distances, because a model learns most at first."""
    if count < 2:
        return [0][:count]
    falling = (round(max_iters ** (1 - i / max(1, count - 2))) for i in range(count - 1))
    return [0, *sorted(set(falling))]
