"""nanoGPT playground: small language models of single characters, to train, to sample and to look into.

import nanogpt
model, tokenizer = nanogpt.load("checkpoints/gpt")
"""

from nanogpt.storage.checkpoint import load as load

__all__ = ["load"]
