"""The front matter of model cards, with which the Hub finds and compares models. Knows text and numbers."""

from huggingface_hub import EvalResult, ModelCardData

from nanogpt.storage.hub.names import is_repo

_DATASETS = {"Tiny Shakespeare": "karpathy/tiny_shakespeare"}  # a corpus's name → its data set on the Hub


def card_front(
    name: str,
    kind: str,
    *,
    corpus: str = "",
    loss: float | None = None,
    window: int = 0,
    base_model: str = "",
    license: str = "",
) -> str:
    """The front matter of a model card, with which the Hub finds and compares models, between its two lines of dashes.

    Args:
        kind: the model's row in the table of models.
        corpus: the name of the text that it was trained on.
        loss: its loss on the validation part of that text, in nats per character, in windows of `window` characters.
        base_model: a fine-tuned model's origin, kept only if it is a repository of the Hub.
        license: an identifier of the Hub, like cc-by-4.0; none is assumed.
    """
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Text generation",
            dataset_type=_DATASETS.get(corpus, "text"),
            dataset_name=corpus,
            dataset_split="validation",
            metric_type="loss",
            metric_name=f"nats per character, windows of {window}",
            metric_value=loss,
        )
    ]
    data = ModelCardData(
        license=license or None,
        library_name="nanogpt-playground",
        pipeline_tag="text-generation",
        tags=["character-level", kind.replace("_", "-")],
        datasets=[_DATASETS[corpus]] if corpus in _DATASETS else None,
        base_model=base_model.partition("@")[0] if is_repo(base_model.partition("@")[0]) else None,
        model_name=name,
        eval_results=results if loss is not None else None,
    )
    return f"---\n{data.to_yaml()}\n---\n"
