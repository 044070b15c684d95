"""The card of a checkpoint."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from short_runs import stop

from nanogpt import cli
from nanogpt.training.config import TrainConfig
from nanogpt.training.trainer import train


def test_the_card_says_how_it_was_made_and_what_it_reached(config: Callable[..., TrainConfig]) -> None:
    row = train(config(name="run"), "python train.py --model gpt --name run")
    card = (config(name="run").folder / "README.md").read_text()
    assert "`python train.py --model gpt --name run`" in card
    assert f"**{row['full_val_16']:.4f}** nats per character" in card
    assert f"| parameters | {row['parameters']:,} |" in card
    assert "stopped" not in card
    assert "| licence | not stated |" in card
    assert "license" not in card.split("---")[1]


def test_the_card_has_the_licence_that_was_given(config: Callable[..., TrainConfig]) -> None:
    train(config("bigram", name="run", license="cc-by-4.0"))
    card = (config(name="run").folder / "README.md").read_text()
    assert "| licence | cc-by-4.0 |" in card
    assert "license: cc-by-4.0\n" in card


KINDS = [
    ("plain", "bigram", {}),
    ("share", "trigram", {"val_fraction": 0.17}),
    ("mlp", "mlp", {"n_context": 3}),
    ("tune", "gpt", {"tune": True}),
    ("vocabulary", "self_attention", {"tokenizer": "other"}),
    ("tuned", "gpt", {"init_from": "other", "ema_decay": 0.5}),
    ("stopped", "gpt", {}),
]


@pytest.mark.parametrize(("name", "kind", "given"), KINDS, ids=[k[0] for k in KINDS])
def test_the_command_on_the_card_prints_its_loss(
    name: str, kind: str, given: dict[str, Any], config: Callable[..., TrainConfig], tmp_path: Path, text: str,
    at_step: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Once, it failed for another vocabulary, and gave another number for another share of the text."""
    monkeypatch.chdir(tmp_path)  # as a visitor would stand: beside the text and the folder of checkpoints
    if "other" in given.values():
        (tmp_path / "other.txt").write_text(text + "Ω?!" * 200)
        train(config(name="other", data="other.txt", out_dir="out"))
        given = {key: "out/other" if value == "other" else value for key, value in given.items()}
    if name == "stopped":
        at_step(3, stop())
    train(config(kind, name=name, data="text.txt", out_dir="out", **given))
    card = Path("out", name, "README.md").read_text()
    (loss,) = re.findall(r"\*\*(\d+\.\d{4})\*\* nats per character", card)
    (command,) = re.findall(r"`python -m nanogpt ([^`]*)` prints it again", card)
    capsys.readouterr()
    assert cli.main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    assert float(re.findall(r"full_val_\d+ +(\d\S+)", printed)[-1]) == pytest.approx(float(loss), abs=1e-4)


def test_the_card_of_a_stopped_run_says_so(config: Callable[..., TrainConfig], at_step: Any) -> None:
    at_step(3, stop())
    train(config(name="run"))
    assert "| steps | 4 (stopped; the schedule has 8) |" in (config(name="run").folder / "README.md").read_text()


def test_a_hostile_text_is_no_markup(config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    """Of a text of backticks, tags and bars, under such a name."""
    path = tmp_path / "<b>_`|`.txt"
    path.write_text("```\n<script>ran()</script> | `a` *b*\n" * 300)
    train(config(name="<i>_`|`", data=str(path)), "python train.py --name '<i>_`|`'")
    card = MarkdownIt("commonmark").enable("table").render((config(name="<i>_`|`").folder / "README.md").read_text())
    tags = set(re.findall(r"<(\w+)", card.partition("<h1>")[2]))
    assert tags == {"p", "code", "table", "thead", "tr", "th", "tbody", "td", "strong", "pre"}
    assert card.count("<pre>") == 1
    assert "&lt;i&gt;_`|`</h1>" in card
