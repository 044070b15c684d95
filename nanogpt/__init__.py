"""nanoGPT playground: small language models of single characters, to train, to sample and to look into.

import nanogpt
model = nanogpt.load("checkpoints/gpt")
print(nanogpt.generate(model, "ROMEO:\\n", temperature=0.7, seed=3))
print(nanogpt.score(model, "To be, or not to be").total, "bits")
print(nanogpt.alternatives(model, "To be, or not to b")[:3])
print(nanogpt.attention(model, "To be, or not to be").shape)
print(nanogpt.generate(nanogpt.without(model, "attention"), "ROMEO:\\n", seed=3))
"""

from nanogpt.analysis.alternatives import alternatives
from nanogpt.analysis.attention import attention
from nanogpt.analysis.dependence import dependence
from nanogpt.analysis.lens import lens
from nanogpt.analysis.parts import without
from nanogpt.analysis.score import score
from nanogpt.analysis.trace import trace
from nanogpt.analysis.votes import votes
from nanogpt.generation.continuation import generate, stream
from nanogpt.generation.sampling import SamplingParams
from nanogpt.storage.checkpoint import CheckpointError
from nanogpt.storage.hub import HubError
from nanogpt.storage.zoo import load

__version__ = "0.4.0"
__all__ = [
    "CheckpointError",
    "HubError",
    "SamplingParams",
    "__version__",
    "alternatives",
    "attention",
    "dependence",
    "generate",
    "lens",
    "load",
    "score",
    "stream",
    "trace",
    "votes",
    "without",
]
