"""Serve the playground on the checkpoints in this repository.

python app.py
python app.py --checkpoints checkpoints --port 7860 --share
"""

import argparse
import sys
import time
import urllib.request
from collections.abc import Sequence

import torch

from nanogpt.playground import build_app, launch_options
from nanogpt.storage.zoo import Zoo


def main(argv: Sequence[str] | None = None) -> None:
    began = time.perf_counter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--checkpoints", default="checkpoints", help="the folder of checkpoint folders (default checkpoints)"
    )
    parser.add_argument("--port", type=int, help="default: the first free one from 7860")
    parser.add_argument("--share", action="store_true", help="a public link through Gradio's tunnel")
    args = parser.parse_args(argv)

    torch.set_num_threads(1)  # the work of a character is too small to split, and visitors share the cores
    sys.setswitchinterval(0.0005)  # hand over to the thread that answers requests sooner
    app = build_app(Zoo(args.checkpoints))
    _, url, _ = app.launch(server_port=args.port, share=args.share, prevent_thread_lock=True, **launch_options())
    with urllib.request.urlopen(url) as answer:
        answer.read()
    print(f"first request answered after {time.perf_counter() - began:.1f} s")
    app.block_thread()


if __name__ == "__main__":
    main()
