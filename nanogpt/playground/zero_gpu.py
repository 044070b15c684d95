"""What a ZeroGPU Space of the Hugging Face Hub asks of every app. Knows nothing of the page.

Such a Space only starts an app that could borrow a GPU. These models need none: they write on the CPU, which takes
nothing from a visitor's daily minutes on a GPU.
"""

import importlib
import os


def meet_zero_gpu() -> None:
    """On a ZeroGPU Space, offer it a function that could borrow a GPU. Elsewhere, do nothing."""
    if os.environ.get("SPACES_ZERO_GPU"):
        importlib.import_module("spaces").GPU(never_called)


def never_called() -> None:
    """The function offered. It has nothing to do on a GPU."""
