"""Serve the playground on the checkpoints in this repository, in other folders, or on the Hugging Face Hub.

python app.py
python app.py --models checkpoints USER/REPO --port 7860 --share
"""

import argparse
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import torch

from nanogpt.checks import shown, whole
from nanogpt.options import Parser
from nanogpt.playground import build_app, launch_options
from nanogpt.playground.zero_gpu import meet_zero_gpu
from nanogpt.storage.hub import HubError, located
from nanogpt.storage.hub.names import is_repo
from nanogpt.storage.zoo import Zoo

OURS = "checkpoints"


def offered(models: Sequence[str]) -> Zoo:
    """The checkpoints of folders and of repositories. Of a repository that cannot be had, the terminal says why.

    With none at all, those of this repository are offered. Raises ValueError for what is neither, and for a revision
    that cannot be one.
    """
    folders: list[str] = []
    repositories: dict[str, Path] = {}
    for model in models:
        if Path(model).is_dir():
            folders.append(model)
            continue
        if not is_repo(model.partition("@")[0]):
            raise ValueError(f"{shown(model)} is neither a folder here nor the name of a repository, USER/REPO")
        try:
            _, repositories[model], notice = located(model)
        except HubError as error:
            notice = str(error)
        if notice:
            print(f"note: {notice}", file=sys.stderr)
    if not folders and not repositories:
        print(f"note: The page offers the models of {OURS}/ instead.", file=sys.stderr)
        folders = [OURS]
    return Zoo(*folders, repositories=repositories)


def main(argv: Sequence[str] | None = None) -> None:
    began = time.perf_counter()
    parser = Parser(prog="python app.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--models",
        nargs="+",
        default=[OURS],
        metavar="DIR_OR_REPO",
        help="what visitors may choose from: folders of checkpoint folders, checkpoint folders, or repositories "
        f"USER/REPO[@REVISION] of the Hugging Face Hub (default {OURS})",
    )
    parser.add_argument("--port", type=int, metavar="NUMBER", help="1 to 65,535 (default the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="a public link through Gradio's tunnel")
    args = parser.parse_args(argv)
    try:
        if args.port is not None:
            whole("port", args.port, 1, 65_535)
        zoo = offered(args.models)
    except ValueError as error:
        parser.error(str(error))

    torch.set_num_threads(1)  # the work of a character is too small to split, and visitors share the cores
    sys.setswitchinterval(0.0005)  # hand over to the thread that answers requests sooner
    meet_zero_gpu()
    app = build_app(zoo)
    try:
        _, url, _ = app.launch(server_port=args.port, share=args.share, prevent_thread_lock=True, **launch_options())
    except OSError:  # Gradio's own sentence speaks of its other ways to choose a port
        parser.error(f"port {args.port} is taken: choose another with --port" if args.port else "no port is free")
    with urllib.request.urlopen(url) as answer:
        answer.read()
    print(f"first request answered after {time.perf_counter() - began:.1f} s")
    app.block_thread()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        raise SystemExit(130) from None  # 128 + SIGINT, as shells report it
