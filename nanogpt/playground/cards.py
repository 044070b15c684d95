"""The cards of a complete run: how each character of each side was drawn, in one value that the browser unpacks.

Knows sides and component values; every probability comes from analysis/draws.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from nanogpt.analysis.draws import Draws, draws_of, prompt_logits
from nanogpt.generation.sampling import gumbel_noise
from nanogpt.generation.text_model import TextModel
from nanogpt.playground.colours import colour_of
from nanogpt.playground.comparison import Side, judges_of
from nanogpt.playground.components.card import cards_value, packed_draws
from nanogpt.playground.run import Run


def cards_of(sides: Sequence[Side], names: Sequence[str], run: Run, run_id: int | None = None) -> dict[str, Any]:
    """What the card needs to draw any character of a complete run by itself.

    Args:
        names: all models of the page: the place among them gives each its colour.
        run_id: the id of the run, which page.js gave it.
    """
    judges = judges_of(sides)
    # Sides mostly have the same beginning, and share what a model computes for it.
    begun = {
        (judge.name, text): prompt_logits(judge, text) for text in {s.prompt.text for s in sides} for judge in judges
    }
    return cards_value(
        run=run_id,
        temperature=run.params.temperature,
        method="beam" if run.beam else "greedy" if run.params.greedy else "sample",
        models=[(judge.title, colour_of(names, judge.name)) for judge in judges],
        sides=[_side_value(side, judges, run, begun) for side in sides],
    )


def _side_value(
    side: Side, judges: Sequence[TextModel], run: Run, begun: dict[tuple[str, str], Tensor]
) -> dict[str, Any]:
    prompt, model = side.prompt.text, side.loaded
    others = [judge for judge in judges if judge is not model]

    def part(ids: Sequence[int], logits_by: Callable[[TextModel], Tensor], noise: Tensor | None) -> dict[str, Any]:
        if not ids:
            return packed_draws([], [], [], [], [], [], [])
        read = [(other, logits_by(other)) for other in others]
        return _packed(draws_of(model, logits_by(model), ids, run.params, noise, read))

    noise = None if run.beam else gumbel_noise(run.params.seed, len(side.ids), model.tokenizer.vocab_size)
    return {
        "own": judges.index(model),
        "others": [judges.index(other) for other in others],
        "prompt": prompt,
        "text": side.text,
        "vocabulary": "".join(model.tokenizer.chars),
        "draws": {
            "prompt": part(model.tokenizer.encode(prompt), lambda judge: begun[judge.name, prompt], None),
            "text": part(side.ids, side.logits_by, noise),
        },
    }


def _packed(draws: Draws) -> dict[str, Any]:
    return packed_draws(
        draws.ids.numpy(),
        draws.rank.numpy(),
        draws.raw.numpy(),
        draws.tempered.numpy(),
        draws.kept.numpy(),
        [] if draws.noise is None else draws.noise.numpy(),
        draws.others.numpy(),
    )
