"""How a model continues a text: reading, sampling, beam search."""
