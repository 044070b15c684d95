"""The votes sum to the difference of the logits, and each is what its weights say."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nanogpt.analysis.moments import moments_of
from nanogpt.analysis.parts import layers_of, read_parts, without
from nanogpt.analysis.residual import readout_of
from nanogpt.analysis.score import next_logits
from nanogpt.analysis.votes import vote_sources, votes, votes_of
from nanogpt.generation.text_model import TextModel
from nanogpt.models.layers import Block, attention_weights
from nanogpt.models.packed import pack

WITH_PARTS = ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"]
IDS = [1, 2, 3, 0, 4, 5, 1, 2]


@pytest.mark.parametrize("context", [0, 1, 3, 8])
@pytest.mark.parametrize("off", ["", "1.1", "1.2 mlps", "attention", "attention mlps"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("variant", WITH_PARTS)
def test_votes_sum_to_the_difference(
    variant: str, bias: bool, off: str, context: int, text_model: Callable[..., TextModel]
) -> None:
    loaded = text_model(variant, bias=bias)
    words = [word for word in off.split() if word != "mlps" or variant != "self_attention"]
    edited = without(loaded, words)
    moments = moments_of(edited, IDS, context)
    found = votes_of(edited.model, moments)
    torch.testing.assert_close(found.sum(-1), moments.difference, atol=1e-4, rtol=0)
    logits = next_logits(edited.model, IDS, context)
    rows = range(len(IDS))
    torch.testing.assert_close(
        moments.difference, logits[rows, moments.next] - logits[rows, moments.rival], atol=1e-5, rtol=0
    )
    for source, column in zip(vote_sources(edited.model), found.T, strict=True):
        assert (column == 0).all() == (source in read_parts(loaded, words) or (source == "rest" and not bias)), source


@torch.no_grad()
def written_by(model: torch.nn.Module, x: Tensor) -> dict[str, Tensor]:
    """What each part adds to the stream x (1, T, C) that enters the first layer, by the formulas, from the weights."""
    found = {"input": x}
    for i, layer in enumerate(layers_of(model), start=1):
        block, attn = layer.holder, layer.attention
        q, k, v = attn.query_key_value(block.ln_1(x) if isinstance(block, Block) else x)
        z = attention_weights(q, k, attn.scale) @ v  # (1, n_head, T, head_dim)
        for h, projection in enumerate(attn.c_proj.weight.split(attn.head_dim, dim=1)):
            found[f"{i}.{h + 1}"] = z[:, h] @ projection.T
            x = x + found[f"{i}.{h + 1}"]
        if attn.c_proj.bias is not None:
            found["rest"] = found.get("rest", 0) + attn.c_proj.bias
            x = x + attn.c_proj.bias
        if isinstance(block, Block):
            found[f"{i}.mlp"] = block.mlp(block.ln_2(x))
            x = x + found[f"{i}.mlp"]
    return found


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("variant", WITH_PARTS)
@torch.inference_mode()
def test_a_vote_is_what_the_part_wrote_read_by_the_frozen_norm(
    variant: str, bias: bool, text_model: Callable[..., TextModel]
) -> None:
    loaded = text_model(variant, bias=bias)
    moments = moments_of(loaded, IDS)
    norm, head = readout_of(loaded.model)
    written = written_by(loaded.model, moments.windows[0].entering)
    final = sum(written.values())
    assert isinstance(final, Tensor)
    wanted = (head.weight[moments.next] - head.weight[moments.rival]).double()
    found = dict(zip(vote_sources(loaded.model), votes_of(loaded.model, moments).T, strict=True))
    for source, x in written.items():
        read = (x - x.mean(-1, keepdim=True)).double() / final.double().std(-1, correction=0, keepdim=True)
        expected = (read[0] * norm.weight * wanted).sum(-1)
        if source == "rest" and norm.bias is not None:
            expected = expected + wanted @ norm.bias.double()
        torch.testing.assert_close(found[source].double(), expected, atol=1e-3, rtol=1e-3)


def test_packed_layers_vote_as_plain_ones_do(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt", n_embd=384, n_head=2)
    loaded.model.bfloat16().float()
    plain = votes_of(loaded.model, moments_of(loaded, IDS))
    pack(loaded.model)
    moments = moments_of(loaded, IDS)
    found = votes_of(loaded.model, moments)
    torch.testing.assert_close(found, plain, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found.sum(-1), moments.difference, atol=1e-4, rtol=1e-4)


def test_the_votes_of_one_position(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    moments = moments_of(loaded, loaded.tokenizer.encode("abcab"), 3)
    found = votes(loaded, "abcab", 2, context=3)
    assert (found.next, found.rival) == ("a", loaded.tokenizer.chars[int(moments.rival[2])])
    assert list(found.parts) == ["input", "1.1", "1.2", "1.mlp", "2.1", "2.2", "2.mlp", "rest"]
    assert list(found.parts.values()) == votes_of(loaded.model, moments)[2].tolist()
    assert found.difference == pytest.approx(sum(found.parts.values()), abs=1e-4)
    with pytest.warns(UserWarning, match="1 character outside") as warned:
        assert votes(loaded, "abXcab", -3, context=3) == found
    assert warned[0].filename == __file__
    assert votes(loaded, loaded.read_text("abXcab"), 2, context=3) == found
    with pytest.raises(ValueError, match="The Bigram has no layers"):
        votes(text_model("bigram"), "abc")
    with pytest.raises(ValueError, match="Position must be a whole number from -5 to 4; got 5"):
        votes(loaded, "abcab", 5)
