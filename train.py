"""Train character-level language models and save them in checkpoints/, where the app finds them.

python train.py                                       a bigram and a GPT, in minutes on a laptop
python train.py --model gpt --preset large            4.8 million parameters, in an hour or two on two cores
python train.py --model gpt --data my.txt --name mine --n_layer 4 --max_iters 2000
python train.py --init_from checkpoints/gpt --data my.txt --max_iters 40              fine-tune
python train.py --model gpt --resume                  continue a run that was stopped
torchrun --standalone --nproc_per_node=2 train.py     two processes share each step
"""

import argparse
import shlex
import sys
from typing import Any

from nanogpt.cli import answer_errors
from nanogpt.device import pick_device
from nanogpt.models import MODELS
from nanogpt.options import Parser, add_options
from nanogpt.text.corpus import read_text
from nanogpt.training.config import GROUPS, TrainConfig
from nanogpt.training.distributed import process_group
from nanogpt.training.fine_tuning import architecture
from nanogpt.training.presets import PRESETS, resolve, suited
from nanogpt.training.trainer import train_in_turn


def parse(argv: list[str]) -> list[TrainConfig]:
    """Read the command line: the configs of the runs, all checked before the first run starts."""
    shown = _shown_defaults(argv)
    parser = Parser(
        prog="python train.py", usage="python train.py [OPTIONS]", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"The defaults shown are those of: {shown[1]}. Give another --model or --preset beside --help for its.",
    )  # fmt: skip
    parser.add_argument(
        "--model",
        action="append",
        choices=[*MODELS, "all"],
        help="which model to train; may be repeated (default: bigram and gpt, or the kind of --init_from)",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="a complete set of options for the GPT; options given beside it take precedence. best, which made the "
        "published model, is meant for --distill_from (default: large on a GPU, else quick, both with --keep best)",
    )
    add_options(parser, TrainConfig, leave_out=["model"], groups=GROUPS, defaults=shown[0])
    given = vars(parser.parse_args(argv))
    origin = [architecture(given["init_from"])["model"]] if given.get("init_from") else []
    models, preset = given.pop("model") or origin or ["bigram", "gpt"], given.pop("preset")
    if "all" in models:
        models = list(MODELS)
    if "name" in given and len(models) > 1:
        parser.error("--name needs exactly one --model")
    return [_config(model, preset, given) for model in models]


def _config(model: str, preset: str | None, given: dict[str, Any]) -> TrainConfig:
    if preset is not None:
        return resolve(model, preset, given)
    preset = "large" if pick_device(given.get("device", "auto")).type == "cuda" else "quick"
    given = {"keep": "best", **given}  # a preset that is asked for is a published recipe, and keeps the last
    config = resolve(model, preset, given)
    if config.data is None:
        return config
    characters = int(len(read_text(config.data)) * (1 - config.val_fraction))
    changed = {name: value for name, value in suited(config, characters).items() if name not in given}
    if changed:
        shown = ", ".join(f"{name} {value}" for name, value in changed.items())
        print(f"note: with {characters:,} characters to learn from, {model} is trained with {shown}", file=sys.stderr)
    return resolve(model, preset, {**given, **changed})


def _shown_defaults(argv: list[str]) -> tuple[TrainConfig, str]:
    """The config whose values the help shows, and the options that stand for it."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--model", default="gpt")
    first.add_argument("--preset")
    try:
        asked, _ = first.parse_known_args(argv)
        config = _config(asked.model, asked.preset, {})
    except (argparse.ArgumentError, ValueError):  # the whole parser says what is wrong
        return _config("gpt", "quick", {}), "--model gpt --preset quick"
    preset = f" --preset {asked.preset}" if asked.preset else ""
    return config, f"--model {asked.model}{preset}"


def main(argv: list[str]) -> int:
    # A resumed run equals an uninterrupted one, so the card names the command that makes the model from the start.
    command = shlex.join(["python", "train.py", *(a for a in argv if a not in ("--resume", "--overwrite"))])
    configs = parse(argv)
    try:
        with process_group() as group:
            train_in_turn(configs, command, group)
    except KeyboardInterrupt:
        print("stopped at once; the last saved state, if there is one, is intact", file=sys.stderr)
        return 130  # 128 + SIGINT, as shells report it
    return 0


if __name__ == "__main__":
    raise SystemExit(answer_errors(main, sys.argv[1:]))
