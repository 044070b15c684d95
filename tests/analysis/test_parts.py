"""A model without a part is the model computed without it, and whoever else uses the model never sees it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nanogpt.analysis.parts import layers_of, part_names, read_parts, without
from nanogpt.analysis.score import next_logits, score
from nanogpt.generation.continuation import generate
from nanogpt.generation.generate import generate_steps
from nanogpt.generation.sampling import SamplingParams
from nanogpt.generation.text_model import TextModel
from nanogpt.models.gpt import GPT
from nanogpt.models.layers import Block, attention_weights
from nanogpt.models.packed import PackedLinear, pack

WITH_PARTS = ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"]
TEXT = "abc\ndefghijabcabc\n"


@torch.no_grad()
def computed_without(model: GPT, idx: Tensor, off: set[str]) -> Tensor:
    """The logits (1, T, V) of a GPT of which some parts are left out, from its layers' own formulas."""
    t = model.transformer
    x = t["wte"](idx)
    if "context" in t:
        x = x + t["context"](idx)
    if "wpe" in t:
        x = x + t["wpe"](torch.arange(idx.size(1)))
    for i, block in enumerate(t["h"], start=1):  # type: ignore[arg-type]
        assert isinstance(block, Block)
        attn = block.attn
        q, k, v = attn.query_key_value(block.ln_1(x))
        z = attention_weights(q, k, attn.scale) @ v  # (1, n_head, T, head_dim)
        kept = [h for h in range(attn.n_head) if f"{i}.{h + 1}" not in off]
        projections = attn.c_proj.weight.split(attn.head_dim, dim=1)
        added = [z[:, h] @ projections[h].T for h in kept]
        if kept:
            x = x + sum(added) + (0 if attn.c_proj.bias is None else attn.c_proj.bias)
        x = x if f"{i}.mlp" in off else x + block.mlp(block.ln_2(x))
    return model.lm_head(t["ln_f"](x))


@pytest.mark.parametrize("variant", ["gpt", "gpt-as-nanogpt", "gpt-in-context"])
@pytest.mark.parametrize("off", ["1.1", "2.2", "1.mlp", "1.2 2.mlp", "2.1,2.2", "1", "attention", "mlps", "1 2"])
@torch.no_grad()
def test_what_is_off_adds_nothing(variant: str, off: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(variant)
    ids = loaded.tokenizer.encode(TEXT[:8])
    names = set(read_parts(loaded, off))
    edited = without(loaded, off).model
    for cache in (None, edited.new_cache(1)):
        got = edited(torch.tensor([ids]), cache)
        torch.testing.assert_close(got, computed_without(loaded.model, torch.tensor([ids]), names), atol=1e-5, rtol=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("variant", WITH_PARTS)
def test_all_heads_off_is_the_model_with_its_attention_removed(
    variant: str, text_model: Callable[..., TextModel]
) -> None:
    class Removed(nn.Module):
        def forward(self, x: Tensor, cache: object = None) -> Tensor:
            return torch.zeros_like(x)

    loaded, removed = text_model(variant), text_model(variant)
    for layer in layers_of(removed.model):
        layer.holder.attn = Removed()
    ids = loaded.tokenizer.encode(TEXT)
    off = next_logits(without(loaded, "attention").model, ids)
    torch.testing.assert_close(off, next_logits(removed.model, ids), atol=1e-6, rtol=0)


@pytest.mark.parametrize("variant", WITH_PARTS)
def test_the_given_model_stays_as_it_is(variant: str, text_model: Callable[..., TextModel]) -> None:
    """Two visitors switch off different parts, and a third one nothing: none of them sees the others."""
    loaded = text_model(variant)
    before = score(loaded, TEXT).nats
    one, other = without(loaded, "1.1"), without(loaded, "1.2")
    alone = score(one, TEXT).nats
    assert not torch.equal(alone, before)
    assert not torch.equal(score(other, TEXT).nats, alone)
    assert torch.equal(score(one, TEXT).nats, alone)
    assert torch.equal(score(loaded, TEXT).nats, before)
    assert without(loaded, []) is loaded


def test_packed_layers_are_not_edited(text_model: Callable[..., TextModel]) -> None:
    """A packed layer has no copy: its twin is itself."""
    loaded = text_model("gpt", n_embd=384, n_head=2)
    loaded.model.bfloat16().float()  # packing takes the weights that float16 does not change
    attention = layers_of(pack(loaded.model))[0].attention
    assert isinstance(attention.c_proj, PackedLinear)
    before = score(loaded, TEXT).nats
    assert not torch.equal(score(without(loaded, "1 2.1 mlps"), TEXT).nats, before)
    assert torch.equal(score(loaded, TEXT).nats, before)


@pytest.mark.parametrize("variant", WITH_PARTS)
def test_texts_are_written_on_the_usual_path(variant: str, text_model: Callable[..., TextModel]) -> None:
    """With the cache and with a draft an edited model writes what it writes without them."""
    loaded = without(text_model(variant), "1.1")
    params = SamplingParams(max_new_tokens=40, seed=3)
    ids = loaded.tokenizer.encode("abc")
    slow = [step.id for step in generate_steps(loaded.model, ids, params, cached=False, context=5)]
    fast = [step.id for step in generate_steps(loaded.model, ids, params, draft=text_model("bigram").model, context=5)]
    assert fast == slow
    assert generate(loaded, "abc", context=5, max_new_tokens=40, seed=3) == loaded.tokenizer.decode(slow)


def test_parts_are_named_layer_by_layer(text_model: Callable[..., TextModel]) -> None:
    gpt = text_model("gpt")
    assert part_names(gpt.model) == ["1.1", "1.2", "1.mlp", "2.1", "2.2", "2.mlp"]
    assert part_names(text_model("self_attention").model) == ["1.1", "1.2"]
    assert part_names(text_model("mlp").model) == []
    assert read_parts(gpt, "2.mlp, 1.2 1.2") == ["1.2", "2.mlp"]
    assert read_parts(gpt, "2") == ["2.1", "2.2", "2.mlp"]
    assert read_parts(gpt, ["attention"]) == ["1.1", "1.2", "2.1", "2.2"]
    assert read_parts(gpt, "mlps") == ["1.mlp", "2.mlp"]
    assert read_parts(text_model("bigram"), "") == []


@pytest.mark.parametrize("off", ["3.1", "1.3", "1.0", "heads", "1.", ".mlp", "<b>"])
def test_unknown_parts_are_refused(off: str, text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match=r"1\.1 to 2\.mlp, a layer's number, attention or mlps; got"):
        without(text_model("gpt"), off)


def test_a_model_without_parts_says_so(text_model: Callable[..., TextModel]) -> None:
    with pytest.raises(ValueError, match="The Bigram has no heads and no MLPs"):
        without(text_model("bigram"), "1.1")
