"""The front matter of a model card, read back by the Hub's own reader."""

from huggingface_hub import ModelCard

from nanogpt.storage.hub.front_matter import card_front


def test_the_loss_is_an_evaluation_result_and_the_data_set_is_named() -> None:
    front = card_front("mine", "self_attention", corpus="Tiny Shakespeare", loss=1.5, window=128, license="cc-by-4.0")
    data = ModelCard(f"{front}\n# mine\n").data
    (result,) = data.eval_results
    assert (data.model_name, result.metric_type, result.metric_value) == ("mine", "loss", 1.5)
    assert result.metric_name == "nats per character, windows of 128"
    assert (result.dataset_name, result.dataset_type) == ("Tiny Shakespeare", "karpathy/tiny_shakespeare")
    assert data.datasets == ["karpathy/tiny_shakespeare"]
    assert data.tags == ["character-level", "self-attention"]
    assert (data.license, data.library_name) == ("cc-by-4.0", "nanogpt-playground")
    assert data.base_model is None


def test_a_text_of_ones_own_is_no_data_set_of_the_hub() -> None:
    data = ModelCard(card_front("mine", "gpt", corpus="my.txt (sha256 0123)", loss=1.5, window=128)).data
    assert data.datasets is None
    assert data.eval_results[0].dataset_name == "my.txt (sha256 0123)"


def test_a_base_model_is_a_repository() -> None:
    """The Hub refuses a card whose base model is none of its repositories."""
    for origin, named in (("alice/gpt@v1", "alice/gpt"), ("alice/gpt", "alice/gpt"), ("/tmp/gpt", None), ("", None)):
        assert ModelCard(card_front("mine", "gpt", base_model=origin)).data.base_model == named


def test_what_was_not_measured_is_left_out() -> None:
    data = ModelCard(card_front("mine", "gpt")).data
    assert data.eval_results is None
    assert data.license is None
    assert data.model_name == "mine"
