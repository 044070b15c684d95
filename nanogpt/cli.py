"""Work with the models: python -m nanogpt sample | score | inspect | analyse | bench | plot | import | push | …"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from nanogpt.analysis.figures import analyse, combination, described, save_figures
from nanogpt.analysis.inspection import inspection, inspection_lines, looks
from nanogpt.analysis.parts import without
from nanogpt.analysis.score import BITS, score
from nanogpt.analysis.unseen import check_vocabulary
from nanogpt.bench import bench_generation, bench_training
from nanogpt.checks import shortened
from nanogpt.device import keep_memory, pick_device
from nanogpt.generation.continuation import stream
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel
from nanogpt.options import Parser, add_options
from nanogpt.publish import add_publish_commands
from nanogpt.storage.checkpoint import CheckpointError
from nanogpt.storage.hub import HubError
from nanogpt.storage.zoo import Zoo, load
from nanogpt.text.corpus import DataError, load_corpus, read_text
from nanogpt.training.plot import plot_runs
from nanogpt.training.protocol import judged
from nanogpt.training.recipe import text_of_checkpoint
from nanogpt.training.trainer import TrainError


def answer_errors(main: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run `main`. An error that the user can correct becomes one line on stderr and exit status 1, not a traceback."""
    try:
        return main(argv)
    except (CheckpointError, DataError, HubError, TrainError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
    except BrokenPipeError:  # of `… | head`: nobody reads the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more when it ends
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130  # 128 + SIGINT, as shells report it
    return 1


def main(argv: list[str]) -> int:
    args = _parser().parse_args(argv)
    torch.set_num_threads(args.num_threads or torch.get_num_threads())
    keep_memory()
    return args.run(args)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m nanogpt", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], help: str, *, several: bool = False, edits: bool = False
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        if edits:
            off = 'parts of the model to switch off, like "5.3 2.mlp", a layer\'s number, attention or mlps'
            sub.add_argument("--off", default="", metavar="PARTS", help=off)
            sub.add_argument("--context", type=int, default=0, metavar="N", help="look back at most N characters")
        sub.set_defaults(run=run)
        what = (
            "a name in the folder of checkpoints, the path of a folder, or USER/REPO[@REVISION] on the Hugging Face Hub"
        )
        if several:
            sub.add_argument("model", nargs="+", metavar="MODEL", help=what)
        else:
            sub.add_argument("--model", metavar="MODEL", default="gpt", help=f"{what} (default gpt)")
        sub.add_argument(
            "--checkpoints",
            default="checkpoints",
            metavar="DIR",
            help="the folder of checkpoints (default checkpoints)",
        )
        sub.add_argument("--json", action="store_true", help="print one JSON object instead")
        return sub

    sub = command("sample", _sample, "Continue a prompt. The page and the API write the same text.", edits=True)
    sub.add_argument("--prompt", metavar="TEXT", default="", help="the beginning; an empty one starts from a newline")
    add_options(sub, SamplingParams)
    sub.add_argument("--beam", type=int, default=0, metavar="WIDTH", help="beam search of this width instead")
    sub.set_defaults(num_threads=1)  # like the page: the last bits of a sum depend on the number of threads

    _add_score_options(command("score", _score, "Bits per character of a text, or the losses of the protocol.",
                               edits=True))  # fmt: skip
    _add_inspection_options(command("inspect", _inspect, "Why the next character follows: the votes of all parts, the "
                                    "lens, dependence, where the heads look.", edits=True))  # fmt: skip
    _add_figures_options(command("analyse", _analyse, "Measure on unseen text what heads look at, and what each head, "
                                 "each MLP and the context are worth. Writes analysis.json into the model's folder, "
                                 "from where the page takes it. A GPT takes minutes.", several=True))  # fmt: skip

    sub = command("bench", _bench, "Measure how fast a model writes (on one thread) or how fast training is.")
    sub.add_argument("what", nargs="?", choices=("sample", "train"), default="sample", help="default sample")
    sub.set_defaults(num_threads=0)

    sub = commands.add_parser("plot", help="Draw validation loss against training seconds.",
                              description="Draw runs' validation loss against training seconds.")  # fmt: skip
    sub.add_argument("folder", nargs="+", metavar="DIR", help="checkpoint folders with a metrics.jsonl")
    sub.add_argument("--out", metavar="FILE", default="loss.svg", help="svg, png or pdf (default loss.svg)")
    sub.set_defaults(run=_plot, num_threads=0)
    add_publish_commands(commands)
    return parser


def _add_score_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="a UTF-8 text file; - for standard input")
    parser.add_argument("--protocol", action="store_true", help="evaluate the model on the validation text instead")
    parser.add_argument("--quick", action="store_true", help="read that text at the first offset of the protocol only")
    data = "the text of --protocol (default the model's own if its training.json tells it, else that of train.py)"
    parser.add_argument("--data", metavar="FILE", help=data)
    parser.set_defaults(num_threads=0)


def _add_inspection_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--text", metavar="TEXT", required=True, help="what the model reads")
    at = "the last character read, from 0; -1 is the last"
    parser.add_argument("--position", type=int, default=-1, metavar="P", help=at)
    head = 'all weights of a head like "5.3"; default the largest of all'
    parser.add_argument("--head", metavar="HEAD", default="attention", help=head)
    run = "the text after N characters is a run, drawn with the settings below"
    parser.add_argument("--beginning", type=int, default=0, metavar="N", help=run)
    add_options(parser, SamplingParams, leave_out=["max_new_tokens"])
    parser.set_defaults(num_threads=1)


def _add_figures_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="PATH", help="the corpus; default $NANOGPT_DATA, else Tiny Shakespeare")
    only = "measure only the bits per character"
    parts = '"1.3 2.mlp" is head 3 of layer 1 and the MLP of layer 2; a number is a whole layer; attention; mlps'
    parser.add_argument("--off", metavar="PARTS", help=f"{only} without these parts, and write nothing: {parts}")
    how = f"{only} if the model looks back at most N characters, and write nothing; 0 for all"
    parser.add_argument("--context", type=int, metavar="N", help=how)
    parser.set_defaults(num_threads=2)


def _model(args: argparse.Namespace, name: str) -> TextModel:
    """The model of a name in the folder of checkpoints, of a path with a slash, or of USER/REPO[@REVISION].

    Of the other folders beside it, only outlines are read: one of them may hold its draft. What is wrong with them is
    not said. Raises CheckpointError, HubError or ValueError.
    """
    folder = Path(name) if "/" in name else Path(args.checkpoints, name)
    if "/" in name and not folder.is_dir():
        return load(name)
    folder = folder if folder.name else folder.resolve()
    if not folder.parent.is_dir():
        raise ValueError(f"There is no folder {shortened(str(folder.parent))}.")
    zoo = Zoo(folder.parent, report=lambda problem: None)
    zoo.refresh()
    try:
        return zoo.get(folder.name)
    except ValueError:
        if folder.is_dir():
            return load(folder)  # says what is wrong with it
        raise


def _load(args: argparse.Namespace) -> TextModel:
    return without(_model(args, args.model), getattr(args, "off", ""))


def _given(args: argparse.Namespace, config: type[Any]) -> dict[str, Any]:
    return {f.name: getattr(args, f.name) for f in fields(config) if hasattr(args, f.name)}


def _sample(args: argparse.Namespace) -> int:
    params = SamplingParams(**_given(args, SamplingParams))
    loaded = _load(args)
    prompt = loaded.read_prompt(args.prompt)
    for notice in prompt.notices:
        print(f"note: {notice}", file=sys.stderr)
    characters = stream(loaded, prompt, beam=args.beam, context=args.context, **asdict(params))
    if not args.json:
        print(prompt.text, end="", flush=True)
    text = ""
    for new in characters:
        text += new
        if not args.json:
            print(new, end="", flush=True)
    print(json.dumps({"model": args.model, "prompt": prompt.text, "text": text}) if args.json else "")
    return 0


def _score(args: argparse.Namespace) -> int:
    loaded = _load(args)
    if args.protocol and args.context:
        raise ValueError("The protocol has windows of its own: --context is for a file.")
    if args.protocol:
        corpus = text_of_checkpoint(loaded.folder, loaded.tokenizer, args.data)
        if corpus is None:
            corpus = load_corpus(args.data)
            check_vocabulary(loaded, corpus)
        result = judged(loaded, corpus, quick=args.quick)
    elif args.file:
        result = _score_text(loaded, sys.stdin.read() if args.file == "-" else read_text(args.file), args.context)
    else:
        raise ValueError("Give a file to score, - for standard input, or --protocol.")
    _print(result, args.json)
    return 0


def _score_text(loaded: TextModel, text: str, context: int) -> dict[str, Any]:
    result = score(loaded, loaded.read_text(text), context)
    if result.left_out:
        print(f"note: {result.left_out}", file=sys.stderr)
    mean, count = result.nats.double().mean().item(), len(result.text)
    return {
        "model": loaded.name,
        "characters": count,
        "nats_per_char": mean,
        "bits_per_char": mean * BITS,
        "bits": mean * BITS * count,
    }


def _inspect(args: argparse.Namespace) -> int:
    loaded, given = _load(args), _given(args, SamplingParams)
    text = loaded.read_text(args.text)
    for notice in text.notices:
        print(f"note: {notice}", file=sys.stderr)
    found = inspection(loaded, text, args.position, context=args.context, beginning=args.beginning, **given)
    weights = looks(loaded, text, args.position, args.head, args.context)
    print(json.dumps({**found, "attention": weights}) if args.json else "\n".join(inspection_lines(found, weights)))
    return 0


def _analyse(args: argparse.Namespace) -> int:
    chosen = [_model(args, name) for name in dict.fromkeys(args.model)]
    corpus = load_corpus(args.data)
    for loaded in chosen:
        check_vocabulary(loaded, corpus)  # all of them before the first takes its minutes
    for loaded in chosen:
        if args.off is not None or args.context is not None:
            _print(combination(loaded, corpus, args.off or "", args.context or 0), args.json)
            continue
        figures = analyse(loaded, corpus, progress=True)
        path = save_figures(loaded.folder, figures)
        print(json.dumps(figures.to_json()) if args.json else f"{described(figures)}\n\nwritten to {path}\n")
    return 0


def _bench(args: argparse.Namespace) -> int:
    if args.what == "train":
        _print(bench_training(pick_device()), args.json)
    else:
        loaded = _load(args)
        _print({"model": loaded.name, **bench_generation(loaded.model, loaded.draft)}, args.json)
    return 0


def _plot(args: argparse.Namespace) -> int:
    plot_runs([Path(folder) for folder in args.folder], Path(args.out))
    print(args.out)
    return 0


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    width = max(map(len, result))
    for name, value in result.items():
        shown = f"{value:,.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
        print(f"{name:<{width}}  {shown}")
