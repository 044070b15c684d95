"""The ranges of sizes stand once, and every model's config keeps to them."""

from dataclasses import fields

import pytest

from nanogpt.models import MODELS, make_config
from nanogpt.models.ranges import RANGES, size

TABLES = {("bigram", "vocab_size"), ("trigram", "vocab_size")}  # they grow with a power of it, so each has a limit


@pytest.mark.parametrize("kind", MODELS)
def test_a_field_of_a_shared_name_has_the_shared_range(kind: str) -> None:
    for f in fields(MODELS[kind].config):
        if f.name in RANGES and (kind, f.name) not in TABLES:
            assert (f.metadata["low"], f.metadata["high"]) == RANGES[f.name]


@pytest.mark.parametrize(("name", "end"), [(name, end) for name in RANGES for end in (0, 1)])
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(name: str, end: int) -> None:
    for kind, row in MODELS.items():
        if name not in {f.name for f in fields(row.config)} or (kind, name) in TABLES:
            continue
        divisible = {"n_embd": 64, "n_head": 1} if kind in ("gpt", "self_attention") else {}
        good = RANGES[name][end]
        values = {"vocab_size": 11, **divisible, name: good}
        if (kind, name, end) == ("gpt", "n_embd", 0):
            values["position"] = "learned"  # one number cannot be rotated
        if name == "n_head" and end == 1:
            values["n_embd"] = 128
        make_config(kind, values)
        with pytest.raises(ValueError, match=f"^{name} must be"):
            make_config(kind, {**values, name: good + (1 if end else -1)})


def test_a_size_without_a_default_must_be_given() -> None:
    with pytest.raises(KeyError):
        size("n_experts")
    assert size("n_layer", 3).default == 3
