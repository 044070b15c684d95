"""Starting from a checkpoint: its architecture and its vocabulary come along, and the vocabulary may grow."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small import build

from nanogpt.models import MODELS, config_values
from nanogpt.storage import checkpoint
from nanogpt.text.tokenizer import CharTokenizer
from nanogpt.training.config import TrainConfig
from nanogpt.training.fine_tuning import architecture, grown, load_origin
from nanogpt.training.presets import resolve
from nanogpt.training.trainer import train

Config = Callable[..., TrainConfig]


def test_the_architecture_comes_along(config: Config, text_file: Path) -> None:
    """Once, it was refused one field at a time until all had been typed."""
    train(config(name="origin", n_embd=24, n_head=3, position="learned", activation="gelu", n_context=4))
    origin = config(name="origin").folder
    given = {"init_from": str(origin), "data": str(text_file), "out_dir": str(origin.parent), "name": "run"}
    run = resolve("gpt", "quick", {**given, "max_iters": 2, "eval_iters": 1, "num_threads": 1})
    train(run)
    before, _ = checkpoint.read_model(origin)
    after, _ = checkpoint.read_model(run.folder)
    assert config_values(after.config) == config_values(before.config)
    with pytest.raises(ValueError, match="init_from: origin has n_head 3, this run 2"):
        train(resolve("gpt", "quick", {**given, "name": "other", "n_embd": 16, "n_head": 2}))


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "trigram"])
def test_a_grown_model_thinks_of_the_old_characters_as_before(kind: str) -> None:
    model = build(kind)
    larger = grown(model, 3)
    ids = torch.randint(model.vocab_size, (2, model.block_size))
    with torch.no_grad():
        before, after = model(ids), larger(ids)
    assert after.shape[-1] == model.vocab_size + 3
    # A product of another width may add up in another order.
    assert torch.allclose(after[..., : model.vocab_size], before, atol=1e-5)
    expected = before.mean(-1, keepdim=True).expand(*before.shape[:-1], 3)
    assert torch.allclose(after[..., model.vocab_size :], expected, atol=1e-5)
    with torch.no_grad():
        assert larger(torch.full((1, 2), model.vocab_size + 2)).isfinite().all()


def test_a_trigram_does_not_grow() -> None:
    with pytest.raises(ValueError, match="the rows of a trigram are pairs of characters"):
        grown(build("trigram"), 1)


def test_new_characters_are_learned(config: Config, tmp_path: Path, text: str) -> None:
    """Nine characters in a hundred of a Python text were dropped."""
    train(config(name="origin"))
    origin = config(name="origin").folder
    code = tmp_path / "code.py"
    code.write_text("def f(x): return {x: [x]}\n" * 300)
    given = {"init_from": str(origin), "data": str(code), "name": "run", "max_iters": 60, "warmup_iters": 0}
    row = train(config(grow_vocabulary=True, **given))
    model, tokenizer = checkpoint.read_model(config(name="run").folder)
    _, old = checkpoint.read_model(origin)
    assert tokenizer.chars[: old.vocab_size] == old.chars
    assert set(tokenizer.chars) == set(text) | set(code.read_text())
    assert model.vocab_size == tokenizer.vocab_size
    assert row["full_val_16"] < math.log(tokenizer.vocab_size) - 1
    with pytest.raises(ValueError, match="grow_vocabulary .* needs init_from"):
        config(name="other", grow_vocabulary=True)


def test_nothing_new_is_nothing_grown(tmp_path: Path) -> None:
    tokenizer = CharTokenizer("\nabcdefghij")
    checkpoint.save(tmp_path / "gpt", build("gpt"), tokenizer)
    model, found, _ = load_origin(str(tmp_path / "gpt"), "abc\n")
    assert found.chars == tokenizer.chars
    assert model.vocab_size == 11
    assert architecture(str(tmp_path / "gpt"))["model"] == "gpt"


def test_a_warm_up_is_at_most_a_tenth_of_the_run(config: Config) -> None:
    """A fine-tuning of 40 steps never left its warm-up of 50."""
    assert config(max_iters=40, warmup_iters=50).warmup_iters == 4
    assert config(max_iters=4000, warmup_iters=50).warmup_iters == 50
