"""One layer of attention sees the whole window and knows the order of its characters."""

from collections.abc import Callable

import torch

from nanogpt.models.base import LanguageModel


@torch.no_grad()
def test_every_character_of_the_window_counts(tiny: Callable[..., LanguageModel]) -> None:
    model, idx = tiny("self_attention"), torch.arange(8)[None]
    for t in range(8):
        other = idx.clone()
        other[0, t] = 10
        assert not torch.equal(model(idx)[0, -1], model(other)[0, -1])


@torch.no_grad()
def test_order_counts(tiny: Callable[..., LanguageModel]) -> None:
    """The learned positions tell it; attention alone would not."""
    model = tiny("self_attention")
    assert not torch.allclose(model(torch.tensor([[1, 2, 3]]))[0, -1], model(torch.tensor([[2, 1, 3]]))[0, -1])
    model.get_parameter("wpe.weight").zero_()
    torch.testing.assert_close(model(torch.tensor([[1, 2, 3]]))[0, -1], model(torch.tensor([[2, 1, 3]]))[0, -1])


def test_parameter_names(tiny: Callable[..., LanguageModel]) -> None:
    """Checkpoints hold them: they may not change."""
    names = {"wte", "wpe", "attn.c_attn", "attn.c_proj", "ln_f", "lm_head"}
    assert set(tiny("self_attention").state_dict()) == {f"{name}.weight" for name in names}
