"""What is captured is what the model computed, window by window, and looking changes nothing."""

import copy
from collections.abc import Callable

import pytest
import torch

from nanogpt.analysis.parts import layers_of, without
from nanogpt.analysis.residual import joined, logits_of, matrix_of, projection_of, residual_streams
from nanogpt.analysis.score import next_logits
from nanogpt.generation.text_model import TextModel
from nanogpt.models.layers import Block
from nanogpt.models.packed import PackedLinear, pack

WITH_PARTS = ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"]
IDS = [1, 2, 3, 0, 4, 5, 1, 2]


def near(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("context", [0, 1, 3, 5, 8, 99])
@pytest.mark.parametrize("off", ["", "1.1", "attention"])
@pytest.mark.parametrize("variant", WITH_PARTS)
def test_the_end_of_the_stream_is_what_the_model_says(
    variant: str, off: str, context: int, text_model: Callable[..., TextModel]
) -> None:
    model = without(text_model(variant), off).model
    stream = joined(residual_streams(model, torch.tensor(IDS), context))
    near(logits_of(model, stream.after[-1]), next_logits(model, IDS, context))


@pytest.mark.parametrize("off", ["", "1.1", "1.2 1.mlp", "attention"])
@pytest.mark.parametrize("variant", WITH_PARTS)
@torch.no_grad()
def test_each_layer_adds_its_parts(variant: str, off: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(variant)
    model = (without(loaded, [p for p in off.split() if "mlp" not in p or "gpt" in variant])).model
    (stream,) = residual_streams(model, torch.tensor(IDS))
    before = stream.entering
    for i, layer in enumerate(layers_of(model)):
        projection, bias = projection_of(layer.attention, before)
        heads = torch.einsum("nshd,hdc->nsc", stream.heads[i].unflatten(-1, projection.shape[:2]), projection)
        near(before + heads + bias, stream.attended[i])
        if isinstance(layer.holder, Block):
            near(layer.holder(before), stream.after[i])
        before = stream.after[i]


def test_looking_changes_nothing(text_model: Callable[..., TextModel]) -> None:
    model = text_model("gpt").model
    before = copy.deepcopy(model.state_dict())
    modules = [id(module) for module in model.modules()]
    residual_streams(model, torch.tensor(IDS))
    assert [id(module) for module in model.modules()] == modules
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_packed_layer_tells_its_weights(text_model: Callable[..., TextModel]) -> None:
    """A packed layer shows no weight, and its copy is itself: it is asked, and no hook is set on it."""
    model = text_model("gpt-as-nanogpt", n_embd=384, n_head=2).model
    model.bfloat16().float()
    layer = layers_of(model)[0].attention.c_proj
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    near(matrix_of(layer, torch.zeros(1, 384))[0], weight.T)
    plain = joined(residual_streams(model, torch.tensor(IDS)))
    packed = layers_of(pack(model))[0].attention.c_proj
    assert isinstance(packed, PackedLinear)
    near(matrix_of(packed, torch.zeros(1, 384))[0], weight.T)
    near(matrix_of(packed, torch.zeros(1, 384))[1], bias)
    torch.testing.assert_close(
        joined(residual_streams(model, torch.tensor(IDS))).after[-1], plain.after[-1], atol=1e-3, rtol=1e-4
    )
    assert not packed._forward_hooks
