"""Models and the page from and to elsewhere: python -m nanogpt import | push | pull | deploy.

Knows the command line; what is sent stands in storage/space.py, and how in storage/hub.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from nanogpt.storage.from_nanogpt import keep, read_nanogpt
from nanogpt.storage.hub.names import check_repo, split_revision
from nanogpt.storage.space import HARDWARE, project_address, space_files

ROOT = Path(__file__).resolve().parents[1]


def add_publish_commands(commands: Any) -> None:
    """Add the four commands to the subparsers of `python -m nanogpt`."""
    _add_import_command(commands)
    help = "Upload a checkpoint to the Hugging Face Hub, as the newest revision of a repository."
    sub = commands.add_parser("push", help=help, description=help)
    sub.add_argument("folder", metavar="DIR", help="a checkpoint folder, like checkpoints/gpt")
    sub.add_argument("repo", metavar="USER/REPO", help="made if it is not there")
    sub.add_argument("--private", action="store_true", help="make it a private repository")
    sub.add_argument("--message", default="", help="the commit message; default: Push and the folder's name")
    _add_project(sub)
    sub.set_defaults(run=_push)

    help = "Download a checkpoint from the Hugging Face Hub into a folder."
    sub = commands.add_parser("pull", help=help, description=help)
    sub.add_argument("source", metavar="USER/REPO[@REVISION]", help="a revision is a branch, a tag or a commit")
    sub.add_argument("--into", metavar="DIR", help="the folder; default: checkpoints/REPO")
    sub.add_argument("--overwrite", action="store_true", help="replace another checkpoint in that folder")
    sub.set_defaults(run=_pull, num_threads=0)

    help = "Put the page and its checkpoints on a Hugging Face Space: make it, or update it."
    sub = commands.add_parser("deploy", help=help, description=help)
    sub.add_argument("space", metavar="USER/SPACE", help="made if it is not there")
    hardware = "zero-gpu is free for every account; cpu-basic needs a paid plan (default zero-gpu)"
    sub.add_argument("--hardware", choices=tuple(HARDWARE), default="zero-gpu", help=hardware)
    sub.add_argument("--private", action="store_true", help="make it a private Space")
    sub.add_argument("--dry-run", action="store_true", help="only show what would be sent; contacts nobody")
    _add_project(sub)
    sub.set_defaults(run=_deploy)


def _add_import_command(commands: Any) -> None:
    help = "Make a checkpoint out of one of karpathy/nanoGPT. No code in its files is run."
    more = (
        "Its logits are compared with nanoGPT's arithmetic before anything is written. Example: python -m nanogpt "
        "import out-shakespeare-char/ckpt.pt data/shakespeare_char/meta.pkl mine"
    )
    sub = commands.add_parser("import", help=help, description=f"{help} {more}")
    sub.add_argument("checkpoint", metavar="CKPT.PT", help="what nanoGPT's train.py has saved")
    vocabulary = (
        "the characters, which nanoGPT's prepare.py has saved beside the data; a model of GPT-2's tokens has none"
    )
    sub.add_argument("vocabulary", metavar="META.PKL", nargs="?", help=vocabulary)
    sub.add_argument("name", metavar="NAME", help="of the new folder in the folder of checkpoints")
    sub.add_argument("--checkpoints", default="checkpoints", metavar="DIR", help="that folder (default checkpoints)")
    sub.add_argument("--overwrite", action="store_true", help="replace a checkpoint of that name")
    sub.set_defaults(run=_import, num_threads=0)


def _add_project(parser: argparse.ArgumentParser) -> None:
    help = "the address of the code, for the card; default: git's remote origin, if it is on the web"
    parser.add_argument("--project", metavar="URL", default="", help=help)
    parser.set_defaults(num_threads=0)


def _import(args: argparse.Namespace) -> int:
    folder = Path(args.checkpoints, args.name)
    if Path(args.name).name != args.name or args.name in (".", ".."):
        raise ValueError(f"name must be a folder name without slashes; got {args.name!a}.")
    if folder.exists() and not args.overwrite:
        raise ValueError(f"{folder} exists. Give --overwrite to replace it, or another name.")
    imported = read_nanogpt(Path(args.checkpoint), Path(args.vocabulary) if args.vocabulary else None)
    keep(imported, folder)
    difference = f"the logits differ from nanoGPT's by at most {imported.difference:.1g}"
    print(f"{folder}: {imported.parameters:,} parameters; {difference}")
    elsewhere = [] if args.checkpoints == "checkpoints" else ["--checkpoints", args.checkpoints]
    print(f"use it: {shlex.join(['python', '-m', 'nanogpt', 'sample', '--model', args.name, *elsewhere])}")
    return 0


def _push(args: argparse.Namespace) -> int:
    from nanogpt.storage.hub.uploads import push  # the Hub's library takes long to import

    project = args.project or project_address(ROOT)
    url, is_new = push(args.folder, args.repo, private=args.private, message=args.message, project=project)
    _print_upload(url, is_new)
    return 0


def _pull(args: argparse.Namespace) -> int:
    from nanogpt.storage.hub.downloads import pull

    repo, _ = split_revision(args.source)
    folder, notice = pull(
        args.source, args.into or Path("checkpoints", repo.partition("/")[2]), overwrite=args.overwrite
    )
    if notice:
        print(f"note: {notice}", file=sys.stderr)
    print(folder)
    return 0


def _deploy(args: argparse.Namespace) -> int:
    check_repo(args.space)
    hardware = HARDWARE[args.hardware]
    files = space_files(ROOT, hardware, args.project or project_address(ROOT))
    if args.dry_run:
        _print_files(files)
        return 0
    from nanogpt.storage.hub.uploads import push_space

    url, is_new = push_space(files, args.space, hardware.flavour, private=args.private)
    _print_upload(url, is_new)
    return 0


def _print_upload(url: str, is_new: bool) -> None:
    print(f"{'made' if is_new else 'updated'} {url}")


def _print_files(files: dict[str, bytes]) -> None:
    """The files with their sizes, then the generated ones in full."""
    for name, data in files.items():
        print(f"{len(data):>12,}  {name}")
    print(f"{sum(map(len, files.values())):>12,}  bytes in {len(files)} files")
    front = files["README.md"].decode().split("---\n")[1]
    print(f"\nrequirements.txt\n\n{files['requirements.txt'].decode()}\nREADME.md begins with\n\n---\n{front}---")
