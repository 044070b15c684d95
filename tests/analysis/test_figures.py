"""Figures are what an independent computation gives, and a stored file gives the figures of these weights or none."""

import copy
import itertools
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from nanogpt.analysis.figures import (
    ANALYSIS,
    CONTEXTS,
    Figures,
    analyse,
    combination,
    contexts_of,
    described,
    knock_outs,
    save_figures,
    stored_figures,
)
from nanogpt.analysis.parts import layers_of, part_names
from nanogpt.analysis.patterns import HEAD_PATTERNS, measure_heads
from nanogpt.analysis.score import BITS, evaluation_window
from nanogpt.analysis.unseen import unseen_bits, unseen_windows
from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import WEIGHTS, save
from nanogpt.storage.zoo import Zoo, load
from nanogpt.text.corpus import Corpus, load_corpus

WITH_PARTS = ["self_attention", "gpt", "gpt-as-nanogpt", "gpt-in-context"]
NAMES = ["bigram", "trigram", "mlp", "self_attention", "gpt", "nanogpt-cpu", "quick"]
HERE = os.environ.get("NANOGPT_DATA")


@pytest.fixture
def corpus(text_file: Path) -> Corpus:
    return load_corpus(text_file, 0.25)


@pytest.fixture
def saved(tmp_path: Path, corpus: Corpus, tiny: Callable[..., LanguageModel]) -> Callable[[str], TextModel]:
    """saved("gpt") → a small model with the vocabulary of the corpus, from its folder."""

    def one(variant: str, seed: int = 0) -> TextModel:
        save(tmp_path / variant, tiny(variant, seed, vocab_size=corpus.tokenizer.vocab_size), corpus.tokenizer)
        return load(tmp_path / variant)

    return one


@torch.no_grad()
def bits_with_zeros(model: LanguageModel, rows: torch.Tensor, off: set[str]) -> float:
    """The bits of the counted characters when the weights behind each part that is off are zero."""
    model = copy.deepcopy(model)
    for i, layer in enumerate(layers_of(model), start=1):
        size = layer.attention.head_dim
        for head in range(layer.attention.n_head):
            if f"{i}.{head + 1}" in off:
                layer.attention.c_proj.weight[:, head * size : (head + 1) * size] = 0
        if {
            f"{i}.{head + 1}" for head in range(layer.attention.n_head)
        } <= off and layer.attention.c_proj.bias is not None:
            layer.attention.c_proj.bias.zero_()
        if f"{i}.mlp" in off and layer.mlp is not None:
            for p in layer.mlp.c_proj.parameters():
                p.zero_()
    half = (rows.size(1) - 1) // 2
    nats = F.cross_entropy(model(rows[:, :-1])[:, half:].flatten(0, 1), rows[:, half + 1 :].flatten())
    return nats.item() * BITS


@pytest.mark.parametrize("variant", WITH_PARTS)
def test_knock_outs_equal_an_independent_computation(
    variant: str, saved: Callable[..., TextModel], corpus: Corpus
) -> None:
    loaded = saved(variant)
    figures = analyse(loaded, corpus)
    rows, parts = unseen_windows(corpus, 8), part_names(loaded.model)
    groups = {name: {name} for name in parts}
    groups |= {i: {name for name in parts if name.startswith(f"{i}.")} for i in ("1", "2")}
    groups["attention"] = {name for name in parts if not name.endswith("mlp")}
    groups["mlps"] = {name for name in parts if name.endswith("mlp")}
    groups = {name: off for name, off in groups.items() if off}
    assert list(figures.without) == knock_outs(loaded) == list(groups)
    whole = bits_with_zeros(loaded.model, rows, set())
    assert figures.bits == pytest.approx(whole, abs=1e-4)
    for name, off in groups.items():
        expected = bits_with_zeros(loaded.model, rows, off) - whole
        assert figures.without[name] == pytest.approx(expected, abs=1e-4 * BITS)
        told = combination(loaded, corpus, name)
        assert told["more_bits"] == pytest.approx(figures.without[name], abs=1e-4)
        assert told["bits"] == pytest.approx(whole + expected, abs=1e-4)


@pytest.mark.parametrize("variant", WITH_PARTS)
def test_the_context_curve_ends_with_the_bits(variant: str, saved: Callable[..., TextModel], corpus: Corpus) -> None:
    loaded = saved(variant)
    figures = analyse(loaded, corpus)
    assert list(figures.context) == [1, 2, 3, 4, 6, 8]
    assert figures.context[8] == pytest.approx(figures.bits, abs=1e-4)
    for n, bits in figures.context.items():
        assert combination(loaded, corpus, context=n)["bits"] == pytest.approx(bits, abs=1e-5)


def test_the_contexts_of_a_model(text_model: Callable[..., TextModel]) -> None:
    """All that fit the window, and always the whole window."""
    assert contexts_of(text_model("gpt", block_size=256)) == list(CONTEXTS)
    assert contexts_of(text_model("gpt", block_size=300)) == list(CONTEXTS)
    assert contexts_of(text_model("gpt", block_size=10)) == [1, 2, 3, 4, 6, 8, 10]
    assert contexts_of(text_model("gpt", block_size=1)) == [1]
    assert [contexts_of(text_model(kind)) for kind in ("bigram", "trigram", "mlp")] == [[1], [2], [5]]


@pytest.mark.parametrize("kind", ["bigram", "trigram", "mlp"])
def test_an_n_gram_has_bits_and_its_own_context(kind: str, saved: Callable[..., TextModel], corpus: Corpus) -> None:
    loaded = saved(kind)
    figures = analyse(loaded, corpus)
    assert (figures.heads, figures.without) == ([], {})
    assert figures.context == {loaded.block_size: figures.bits}
    assert figures.characters == 64 * 128


def test_figures_tell_of_what_they_are(saved: Callable[..., TextModel], corpus: Corpus) -> None:
    loaded = saved("gpt")
    figures = analyse(loaded, corpus)
    assert (figures.model, figures.corpus, figures.corpus_sha256) == ("gpt", corpus.name, corpus.sha256)
    assert figures.characters == 64 * 4
    config = json.loads((loaded.folder / "config.json").read_text())
    assert figures.weights_sha256 == config["sha256"][WEIGHTS]
    assert figures.heads == measure_heads(loaded, unseen_windows(corpus, 8))
    assert analyse(replace(loaded, folder=Path("nowhere")), corpus).weights_sha256 == ""


def test_another_vocabulary_is_refused(text_model: Callable[..., TextModel], corpus: Corpus) -> None:
    for job in (analyse, combination):
        with pytest.raises(ValueError, match="another vocabulary"):
            job(text_model("gpt"), corpus)


def test_combinations_are_checked(saved: Callable[..., TextModel], corpus: Corpus) -> None:
    gpt = saved("gpt")
    with pytest.raises(ValueError, match="Parts to switch off are"):
        combination(gpt, corpus, "3.1")
    with pytest.raises(ValueError, match="Context must be a whole number from 0"):
        combination(gpt, corpus, context=-1)
    told = combination(gpt, corpus, "2.mlp 1.1", 3)
    assert (told["off"], told["context"], told["characters"]) == ("1.1 2.mlp", 3, 256)
    assert combination(gpt, corpus)["more_bits"] == 0


# --- stored figures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", [*WITH_PARTS, "bigram", "mlp"])
def test_stored_figures_survive(variant: str, saved: Callable[..., TextModel], corpus: Corpus) -> None:
    loaded = saved(variant)
    assert stored_figures(loaded) is None
    figures = analyse(loaded, corpus)
    path = save_figures(loaded.folder, figures)
    assert path == loaded.folder / ANALYSIS
    assert stored_figures(loaded) == figures
    assert json.loads(path.read_text()) == json.loads(json.dumps(figures.to_json()))


def test_figures_of_other_weights_are_none(saved: Callable[..., TextModel], corpus: Corpus) -> None:
    loaded = saved("gpt")
    save_figures(loaded.folder, analyse(loaded, corpus))
    other = saved("gpt", 1)  # the same folder, trained anew
    assert (other.folder / ANALYSIS).is_file()
    assert stored_figures(other) is None


@pytest.fixture
def stored(saved: Callable[..., TextModel], corpus: Corpus) -> tuple[TextModel, Path, dict[str, Any]]:
    """A model with stored figures, the file, and what it holds."""
    loaded = saved("gpt")
    path = save_figures(loaded.folder, analyse(loaded, corpus))
    return loaded, path, json.loads(path.read_text())


def changed(data: dict[str, Any], keys: tuple[Any, ...], value: object) -> bytes:
    data = copy.deepcopy(data)
    inner: Any = data
    for key in keys[:-1]:
        inner = inner[key]
    if value is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("bits",), None), (("bits",), "2"), (("bits",), float("nan")), (("bits",), -1), (("bits",), True),
        (("bits",), 10**400), (("characters",), 1.5), (("corpus",), "<b>\n"), (("corpus",), 3),
        (("corpus_sha256",), "0"), (("weights_sha256",), None), (("weights_sha256",), ["0"]),
        (("heads",), None), (("heads",), []), (("heads",), 3), (("heads",), {}), (("heads", 0), "1.1"),
        (("heads", 0), []), (("heads", 0, "part"), "1.2"), (("heads", 0, "share"), {}),
        (("heads", 0, "share", "word"), 1.1), (("heads", 0, "share", "word"), None), (("heads", 0, "chance"), []),
        (("heads", 0, "chance", "more"), 0.5), (("heads", 0, "distance"), float("inf")),
        (("without",), []), (("without", "1.1"), None), (("without", "3.1"), 0.5), (("without", "1"), "0.1"),
        (("context",), {}), (("context", "8"), None), (("context", "5"), 2.0), (("context", "1"), [1]),
    ],
)  # fmt: skip
def test_hostile_figures_are_none(
    keys: tuple[Any, ...], value: object, stored: tuple[TextModel, Path, dict[str, Any]]
) -> None:
    loaded, path, data = stored
    path.write_bytes(changed(data, keys, value))
    assert stored_figures(loaded) is None


def test_a_name_in_the_file_is_not_believed(stored: tuple[TextModel, Path, dict[str, Any]]) -> None:
    loaded, path, data = stored
    path.write_bytes(changed(data, ("heads", 0, "name"), "<script>"))
    figures = stored_figures(loaded)
    assert figures is not None
    assert figures.heads[0].name == data["heads"][0]["name"]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"bits": 1, "bits": 2}', b" " * 2_000_000]
)
def test_what_is_no_json_object_is_none(data: bytes, stored: tuple[TextModel, Path, dict[str, Any]]) -> None:
    loaded, path, _ = stored
    path.write_bytes(data)
    assert stored_figures(loaded) is None


def test_random_damage_gives_figures_or_none(stored: tuple[TextModel, Path, dict[str, Any]]) -> None:
    loaded, path, _ = stored
    good, rng = path.read_bytes(), random.Random(0)
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(damaged))] = rng.choice(b'0123456789"{}[],:.-eE\xff')
        path.write_bytes(damaged)
        assert isinstance(stored_figures(loaded), Figures | None)


def test_a_link_or_a_folder_is_none(stored: tuple[TextModel, Path, dict[str, Any]]) -> None:
    loaded, path, _ = stored
    elsewhere = path.rename(path.with_name("elsewhere.json"))
    path.symlink_to(elsewhere)
    assert stored_figures(loaded) is None
    path.unlink()
    path.mkdir()
    assert stored_figures(loaded) is None


def test_the_tables_hold_every_figure(saved: Callable[..., TextModel], corpus: Corpus) -> None:
    figures = analyse(saved("gpt"), corpus)
    text = described(figures)
    assert text.startswith(
        f"gpt: {figures.bits:.4f} bits per character of unseen text (256 characters of text.txt (sha256 "
    )
    for head in figures.heads:
        row = next(line for line in text.splitlines() if line.startswith(f"{head.part} "))
        assert row.split()[1:8] == [f"{100 * head.share[pattern]:.1f}" for pattern in HEAD_PATTERNS]
    words = text.split()
    for name, bits in figures.without.items():
        assert f"{bits:+.4f}" in [word for before, word in itertools.pairwise(words) if before == name]
    for n, bits in figures.context.items():
        assert f"{n:>5}   {bits:.4f}" in text.splitlines()
    assert max(map(len, text.splitlines())) <= 100


# --- the figures of the repository -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_model_has_its_figures(name: str, zoo: Zoo) -> None:
    figures = stored_figures(zoo.get(name))
    assert figures is not None
    assert figures.corpus == "Tiny Shakespeare"
    assert figures.characters == 64 * evaluation_window(zoo.get(name).model) / 2


@pytest.mark.skipif(HERE is None, reason="needs the corpus at NANOGPT_DATA")
@pytest.mark.parametrize(("name", "off", "context"), [("bigram", "", 1), ("trigram", "", 2), ("quick", "1.3", 12)])
def test_shipped_figures_can_be_computed_again(name: str, off: str, context: int, zoo: Zoo) -> None:
    loaded, corpus = zoo.get(name), load_corpus(HERE)
    figures = stored_figures(loaded)
    assert figures is not None
    assert figures.corpus_sha256 == corpus.sha256
    rows = unseen_windows(corpus, evaluation_window(loaded.model))
    assert unseen_bits(loaded.model, rows, context) == pytest.approx(figures.context[context], abs=1e-4)
    if off:
        assert combination(loaded, corpus, off)["more_bits"] == pytest.approx(figures.without[off], abs=1e-4)
        for head, again in zip(figures.heads, measure_heads(loaded, rows), strict=True):
            assert head.share == pytest.approx(again.share, abs=1e-4)
            assert head.chance == pytest.approx(again.chance, abs=1e-4)
