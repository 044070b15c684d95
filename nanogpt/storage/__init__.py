"""Checkpoints on disk: one folder is one model."""
