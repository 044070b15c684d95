"""How surprised a model is."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nanogpt.analysis import score
from nanogpt.generation.continuation import generate
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel


def test_a_text_is_judged_by_the_logits_it_was_drawn_from(model: nn.Module, ids: list[int]) -> None:
    """Past the window, and for prompts shorter and longer than it."""
    for prompt in (ids[:1], ids[:5], ids):
        steps = list(generate_steps(model, prompt, SamplingParams(temperature=1, max_new_tokens=40)))
        expected = torch.stack([-s.logits.log_softmax(-1)[s.id] for s in steps])
        assert (score.char_nats(model, prompt, [s.id for s in steps]) - expected).abs().max() <= 1e-4


def test_a_uniform_model_is_surprised_by_ln_v(tiny: Callable[..., nn.Module], ids: list[int]) -> None:
    for name in ("bigram", "trigram", "mlp", "self_attention", "gpt"):
        model = tiny(name)
        model.get_parameter("table.weight" if name.endswith("gram") else "lm_head.weight").data.zero_()
        assert torch.allclose(score.char_nats(model, [0], ids), torch.full((40,), math.log(11)))
        assert score.windows_loss(model, torch.tensor(ids), 8) == pytest.approx(math.log(11), abs=1e-6)


@torch.no_grad()
def test_windows_loss_is_the_naive_mean(model: nn.Module) -> None:
    ids = torch.randint(11, (100,), generator=torch.Generator().manual_seed(0))
    means = []
    for offset in (0, 3):
        nats = []
        for start in range(offset, 100 - 8, 8):
            logits = model(ids[start : start + 8][None])[0]
            nats += [F.cross_entropy(logits[t], ids[start + t + 1]).item() for t in range(8)]
        means.append(sum(nats) / len(nats))
    assert score.windows_loss(model, ids, 8, [0]) == pytest.approx(means[0], abs=1e-5)
    assert score.windows_loss(model, ids, 8, [0, 3]) == pytest.approx(sum(means) / 2, abs=1e-5)


def test_batch_size_does_not_matter(model: nn.Module) -> None:
    ids = torch.randint(11, (200,), generator=torch.Generator().manual_seed(0))
    losses = [score.windows_loss(model, ids, 8, batch_size=n) for n in (1, 5, 100)]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-5)


def test_a_text_that_is_too_short_is_named(tiny: Callable[..., nn.Module]) -> None:
    with pytest.raises(ValueError, match="has 8 characters; a window of 8 at 0"):
        score.windows_loss(tiny("gpt"), torch.zeros(8, dtype=torch.long), 8)


def test_judging_is_done_in_eval_mode(tiny: Callable[..., nn.Module]) -> None:
    model = tiny("gpt", dropout=0.5).train()
    ids = torch.randint(11, (100,), generator=torch.Generator().manual_seed(0))
    assert score.windows_loss(model, ids, 8) == score.windows_loss(model, ids, 8)


def test_random_windows_are_always_the_same(tiny: Callable[..., nn.Module]) -> None:
    model, ids = tiny("gpt"), torch.randint(11, (300,), generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    first = score.random_windows_loss(model, ids, 8, batches=3)
    assert score.random_windows_loss(model, ids, 8, batches=3) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert first == pytest.approx(score.windows_loss(model, ids, 8), abs=0.3)  # the same expectation


def test_evaluation_window(tiny: Callable[..., nn.Module]) -> None:
    assert score.evaluation_window(tiny("bigram")) == 256
    assert score.evaluation_window(tiny("gpt")) == 8
    assert score.evaluation_window(tiny("gpt", block_size=300)) == 256


def test_a_text_that_stands_alone(text_model: Callable[..., TextModel]) -> None:
    """What is left out is told: by a warning, and in the result."""
    loaded = text_model("gpt")
    with pytest.warns(UserWarning, match=r"U\+0058") as warned:
        result = score.score(loaded, "ab\r\nXc")
    assert warned[0].filename == __file__
    assert result.text == "ab\nc"
    assert "U+0058" in result.left_out
    assert torch.equal(result.nats, score.char_nats(loaded.model, [0], loaded.tokenizer.encode("ab\nc")))
    assert result.total == pytest.approx(result.nats.sum().item() / math.log(2))
    assert torch.allclose(result.bits.float(), result.nats / math.log(2))


def test_a_text_that_was_read_before_gives_no_warning(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    assert "U+0058" in score.score(loaded, loaded.read_text("abX")).left_out


@pytest.mark.parametrize("text", ["XYZ", ""])
def test_a_text_of_which_nothing_is_known_is_refused(text: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    with pytest.raises(ValueError, match="no character that the model knows"):
        score.score(loaded, loaded.read_text(text))


@pytest.mark.parametrize("kind", ["mlp", "gpt"])
def test_a_context_is_the_one_of_generation(kind: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(kind)
    text = generate(loaded, "\n", context=3, temperature=1, max_new_tokens=20)
    steps = generate_steps(loaded.model, [0], SamplingParams(temperature=1, max_new_tokens=20), context=3)
    expected = torch.stack([-step.logits.log_softmax(-1)[step.id] for step in steps])
    torch.testing.assert_close(score.score(loaded, text, 3).nats, expected, atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="Context must be a whole number from 0"):
        score.score(loaded, text, -1)
