"""One colour for each model, the same wherever it is drawn. The colours themselves are in components/shared.css."""

from collections.abc import Sequence

COLOURS = 8  # as many as shared.css has variables --model-1, --model-2, …


def colour_of(names: Sequence[str], name: str) -> int:
    """The number of a model's colour, 1 to `COLOURS`, by its place among all `names`; 0, no colour, if it is not there.

    With more than `COLOURS` models the colours start again.
    """
    return 1 + list(names).index(name) % COLOURS if name in names else 0
