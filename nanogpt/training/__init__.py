"""Training: from a text and a config to a checkpoint."""
