"""The error that ends a training run. It has a module of its own because several modules of a run raise it."""


class TrainError(Exception):
    """Training cannot start or continue; the message says why, and which saved state is intact."""
