"""The MLP reads its last n_context characters, wherever they stand."""

from collections.abc import Callable

import torch

from nanogpt.models.base import LanguageModel
from nanogpt.models.mlp import WindowMLPConfig


@torch.no_grad()
def test_a_context_gives_the_same_logits_anywhere(tiny: Callable[..., LanguageModel]) -> None:
    """It has no positions: in a long window each character sees its own last five."""
    model, context = tiny("mlp"), [4, 7, 1, 1, 9]
    long = model(torch.tensor([[2, 8, *context, 3, *context]]))[0]
    torch.testing.assert_close(long[6], long[12])
    torch.testing.assert_close(long[6], model(torch.tensor([context]))[0, -1])


@torch.no_grad()
def test_before_the_first_character_stands_id_0(tiny: Callable[..., LanguageModel]) -> None:
    model = tiny("mlp")
    torch.testing.assert_close(model(torch.tensor([[7]]))[0, -1], model(torch.tensor([[0, 0, 0, 0, 7]]))[0, -1])


def test_parameter_names(tiny: Callable[..., LanguageModel]) -> None:
    """Checkpoints hold them: they may not change."""
    names = {"wte.weight", "lm_head.weight", *(f"norm.{i}.weight" for i in range(3)), "mlp.0.weight", "mlp.1.weight"}
    assert set(tiny("mlp").state_dict()) == names
    assert WindowMLPConfig(11).block_size == WindowMLPConfig(11).n_context
