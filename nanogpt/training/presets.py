"""The default options of each model, the presets, and how they combine into the config of a run."""

from typing import Any

from nanogpt import checks
from nanogpt.training.config import TrainConfig
from nanogpt.training.fine_tuning import architecture

# What differs from the defaults of TrainConfig. An n-gram model is a table: it learns at a high rate without decay.
TABLE = {"max_iters": 300, "batch_size": 64, "learning_rate": 0.1, "optimizer": "adamw", "weight_decay": 0.0,
         "warmup_iters": 0, "cooldown": 1.0, "eval_interval": 30}  # fmt: skip
MODEL_DEFAULTS: dict[str, dict[str, Any]] = {
    "bigram": TABLE,
    "trigram": {**TABLE, "learning_rate": 0.05, "weight_decay": 0.05},
    "mlp": {
        "n_layer": 3,
        "n_context": 8,
        "max_iters": 1000,
        "batch_size": 16,
        "learning_rate": 5e-3,
        "matrix_lr": 0.02,
        "weight_decay": 0.1,
        "cooldown": 0.8,
    },
    "self_attention": {"n_head": 8, "n_embd": 128, "max_iters": 800, "batch_size": 16, "learning_rate": 0.01},
}

# nanoGPT's own recipe for this corpus.
NANOGPT: dict[str, Any] = {
    "keep": "last", "n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256, "dropout": 0.2, "position": "learned",
    "activation": "gelu", "qk_norm": False, "tie_weights": True, "zero_init": False, "max_iters": 5000,
    "batch_size": 64, "optimizer": "adamw", "learning_rate": 1e-3, "min_lr": 0.1, "lr_schedule": "cosine",
    "warmup_iters": 100, "weight_decay": 0.1, "beta2": 0.99,
}  # fmt: skip

# Published recipes: each keeps the weights of the last step.
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "keep": "last",
        "n_layer": 2,
        "n_head": 3,
        "n_embd": 96,
        "n_context": 8,
        "block_size": 128,
        "batch_size": 24,
        "max_iters": 800,
        "learning_rate": 5e-3,
        "matrix_lr": 0.02,
        "weight_decay": 0.1,
        "cooldown": 0.8,
        "min_lr": 0.0,
        "eval_interval": 100,
    },
    "medium": {
        "keep": "last",
        "n_layer": 3,
        "n_embd": 160,
        "n_context": 8,
        "batch_size": 16,
        "max_iters": 1450,
        "dropout": 0.05,
        "learning_rate": 4e-3,
        "matrix_lr": 0.02,
        "weight_decay": 0.2,
        "cooldown": 0.8,
        "min_lr": 0.0,
    },
    "large": {
        "keep": "last",
        "max_iters": 1800,
        "batch_size": 16,
        "gradient_accumulation_steps": 2,
        "dropout": 0.1,
        "weight_decay": 0.33,
        "cooldown": 0.65,
        "min_lr": 0.0,
        "eval_interval": 400,
    },
    "best": {  # a student: its teachers' predictions keep it from overfitting, so it needs no dropout
        "keep": "last",
        "n_layer": 5,
        "n_context": 8,
        "batch_size": 16,
        "max_iters": 3000,
        "learning_rate": 3e-3,
        "matrix_lr": 0.02,
        "weight_decay": 0.3,
        "cooldown": 0.8,
        "min_lr": 0.0,
        "eval_interval": 400,
    },
    "nanogpt": NANOGPT,
    "nanogpt-cpu": {
        **NANOGPT,
        "n_layer": 4,
        "n_head": 4,
        "n_embd": 128,
        "block_size": 64,
        "dropout": 0.0,
        "max_iters": 2000,
        "batch_size": 12,
    },
}


# How often `quick` may read a text: its validation loss was lowest after 6 to 9 readings of texts of 20 and 50 kB.
MOST_READINGS, FEWEST_STEPS, SHORT_TEXT_DROPOUT = 16, 100, 0.2


def suited(config: TrainConfig, characters: int) -> dict[str, Any]:
    """What suits a GPT better that is trained on so few `characters`: fewer steps, each judged sooner, and dropout.

    Nothing for a text that is long enough. Dropout is for texts so short that less than half of the steps are left:
    it was found to help with 20 and 50 kB, and to harm with 300 kB.
    """
    steps = max(FEWEST_STEPS, MOST_READINGS * characters // (config.batch_size * config.block_size))
    if config.model != "gpt" or steps >= config.max_iters:
        return {}
    dropout = {"dropout": SHORT_TEXT_DROPOUT} if 2 * steps < config.max_iters else {}
    return {"max_iters": steps, "eval_interval": steps // 20, **dropout}


def resolve(model: str, preset: str | None, given: dict[str, Any]) -> TrainConfig:
    """The config of a run: the model's defaults, then the preset (gpt only), then the given options.

    With `init_from`, the architecture is that of the checkpoint. Raises ValueError for an unknown preset or an option
    outside its range, CheckpointError and HubError.
    """
    if preset is not None:
        checks.one_of("preset", preset, PRESETS)
    chosen = PRESETS[preset] if preset and model == "gpt" else {}
    own = architecture(given["init_from"]) if given.get("init_from") else {}
    return TrainConfig(**{**MODEL_DEFAULTS.get(model, {}), **chosen, **own, **given, "model": model})
