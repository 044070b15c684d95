"""What the tests share: small models with weights that matter, and a small text."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from server import Server
from small import SMALL, VARIANTS, build

from nanogpt.generation.text_model import TextModel
from nanogpt.models.base import LanguageModel
from nanogpt.storage.checkpoint import save
from nanogpt.storage.zoo import Zoo
from nanogpt.text.tokenizer import CharTokenizer

pytest_plugins = ["hub_fixtures"]


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)  # tiny products are slower on two, and sums keep their order


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


@pytest.fixture(scope="session")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The page on two small models with random weights, "bigram" and "gpt". It takes every address for a public one."""
    folder = tmp_path_factory.mktemp("playground")
    for kind in ("bigram", "gpt"):
        save(folder / "checkpoints" / kind, build(kind), CharTokenizer("\n abcdefghi"))
    all_public = "import safehttpx\nsafehttpx.is_public_ip = lambda ip: True"
    server = Server(folder / "checkpoints", folder / "log", all_public)
    yield server
    server.stop()
