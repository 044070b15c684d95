"""What a model makes of a text: its surprise, the alternatives, a trace of a run, its attention."""
