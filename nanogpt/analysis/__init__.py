"""What a model computes for a text: its surprise, the alternatives, the trace of a run, its attention weights."""
