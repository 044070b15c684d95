"""From a text and a config to a checkpoint."""
