"""What the tests share: small models with weights that matter, and a small text."""

import random
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from randomised import randomise
from server import Server

from nanogpt.generation.text_model import TextModel
from nanogpt.models import MODELS, build_model, make_config
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import save
from nanogpt.storage.zoo import Zoo
from nanogpt.text.tokenizer import CharTokenizer

pytest_plugins = ["hub_fixtures"]

# Widths are multiples of 8, as in every shipped model: rows of other widths round by where they lie in memory.
SMALL = {"vocab_size": 11, "block_size": 8, "n_layer": 2, "n_head": 2, "n_embd": 16, "n_context": 5, "n_vector": 8}
# Every row of the table, the GPT as nanoGPT has it, and one that a small MLP tells of the characters just before.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {kind: (kind, {}) for kind in MODELS}
VARIANTS["gpt"] = ("gpt", {"n_context": 1})
VARIANTS["gpt-as-nanogpt"] = (
    "gpt",
    {"n_context": 1, "position": "learned", "activation": "gelu", "qk_norm": False, "tie_weights": True, "bias": True},
)
VARIANTS["gpt-in-context"] = ("gpt", {})


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)  # tiny products are slower on two, and sums keep their order


def build(variant: str, seed: int = 0, **values: Any) -> LanguageModel:
    kind, more = VARIANTS[variant]
    known = {f.name for f in fields(MODELS[kind].config)}
    given = {name: value for name, value in {**SMALL, **more, **values}.items() if name in known}
    return randomise(build_model(make_config(kind, given)), seed)


@pytest.fixture
def tiny() -> Callable[..., LanguageModel]:
    """tiny("gpt", seed=1, block_size=4) → a small model with random weights."""
    return build


@pytest.fixture
def text_model() -> Callable[..., TextModel]:
    """text_model("gpt", seed=1) → the small model with a tokenizer whose characters are a newline and a … j."""

    def named(variant: str, seed: int = 0, **values: Any) -> TextModel:
        model = build(variant, seed, **values)
        return TextModel(variant, Path(variant), model, CharTokenizer("\nabcdefghij"), 1)

    return named


@pytest.fixture(params=VARIANTS)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Each model of the table in turn."""
    return build(request.param)


@pytest.fixture
def ids() -> list[int]:
    """Forty characters: five windows of the small models."""
    return random.Random(1).choices(range(SMALL["vocab_size"]), k=40)


@pytest.fixture
def text() -> str:
    """Six thousand characters with something to learn in them."""
    words = ["to be ", "or not ", "the sea ", "a king\n", "sleep; "]
    return "".join(random.Random(2).choices(words, k=1000))


@pytest.fixture
def text_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def zoo() -> Zoo:
    """The checkpoints of the repository."""
    zoo = Zoo(Path(__file__).parents[1] / "checkpoints")
    zoo.refresh()
    return zoo


@pytest.fixture(scope="session")
def tiny_zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """A bigram whose vocabulary lacks most of what the others know."""
    root = tmp_path_factory.mktemp("tiny")
    model = build("bigram")
    save(root / "bigram", model, CharTokenizer("\n abcdefghi"))
    zoo = Zoo(root)
    zoo.refresh()
    return zoo


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The page on two small models with random weights, "bigram" and "gpt". It takes every address for a public one."""
    folder = tmp_path_factory.mktemp("playground")
    for kind in ("bigram", "gpt"):
        save(folder / "checkpoints" / kind, build(kind), CharTokenizer("\n abcdefghi"))
    all_public = "import safehttpx\nsafehttpx.is_public_ip = lambda ip: True"
    server = Server(folder / "checkpoints", folder / "log", all_public)
    yield server
    server.stop()
