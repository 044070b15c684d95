"""A model with its tokenizer."""

from collections.abc import Callable

import pytest

from nanogpt.generation.text_model import TextModel
from nanogpt.text.prompt import read_prompt
from nanogpt.text.spelling import spell
from nanogpt.text.tokenizer import CharTokenizer


def test_it_unpacks_into_model_and_tokenizer(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    model, tokenizer = loaded
    assert model is loaded.model
    assert tokenizer is loaded.tokenizer


@pytest.mark.parametrize("kind", ["bigram", "trigram", "mlp", "self_attention", "gpt"])
def test_a_folder_is_named_where_that_says_more(kind: str, text_model: Callable[..., TextModel]) -> None:
    loaded = text_model(kind)
    assert (loaded.kind, loaded.block_size) == (kind, loaded.model.block_size)
    assert "(" not in loaded.title
    other = TextModel("mine", loaded.folder, loaded.model, loaded.tokenizer, 1)
    assert other.title == f"{loaded.title} (mine)"


def test_what_was_read_passes_through(text_model: Callable[..., TextModel]) -> None:
    loaded = text_model("gpt")
    for text in ("", "abc", "aXc", "a" * 100):
        prompt = loaded.read_prompt(text)
        assert prompt == read_prompt(text, loaded.tokenizer, 8)
        assert loaded.read_prompt(prompt) is prompt
        spelt = loaded.read_text(text)
        assert spelt == spell(text, loaded.tokenizer)
        assert loaded.read_text(spelt) is spelt


def test_what_was_read_for_another_vocabulary_is_refused(text_model: Callable[..., TextModel]) -> None:
    """Its ids would stand for other characters."""
    loaded, other = text_model("gpt"), CharTokenizer("jihgfedcba\n")
    with pytest.raises(ValueError, match="another vocabulary than that of gpt"):
        loaded.read_prompt(read_prompt("abc", other, 8))
    with pytest.raises(ValueError, match="another vocabulary than that of gpt"):
        loaded.read_text(spell("abc", other))
