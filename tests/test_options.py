"""Options that are made from the fields of a config, and errors that take two lines."""

from dataclasses import dataclass

import pytest

from nanogpt.checks import option
from nanogpt.generation.sampling import SamplingParams
from nanogpt.options import Parser, add_options


@dataclass(frozen=True)
class Config:
    """One field of each kind."""

    fast: bool = option(True, "go fast")
    names: tuple[str, ...] = option((), "some names", metavar="NAME")
    kind: str = option("a", "one of two", choices=("a", "b"))
    steps: int = option(1500, "how many", 1, 9999, metavar="STEPS")


def test_every_field_of_a_config_is_an_option() -> None:
    parser = Parser()
    add_options(parser, SamplingParams, leave_out=["seed"])
    given = vars(parser.parse_args(["--top_k", "3", "--top_p", "0.5"]))
    assert given == {"top_k": 3, "top_p": 0.5}  # only what was given: presets fill in the rest
    assert "--seed" not in parser.format_help()
    assert "(default 0.8)" in parser.format_help()


def test_each_kind_of_field() -> None:
    parser = Parser(prog="x")
    add_options(parser, Config, groups={"first": ["steps", "kind"]}, defaults=Config(steps=7))
    words = ["--no_fast", "--names", "a", "b", "--kind", "b", "--steps", "3"]
    assert vars(parser.parse_args(words)) == {"fast": False, "names": ["a", "b"], "kind": "b", "steps": 3}
    assert vars(parser.parse_args(["--fast"])) == {"fast": True}
    shown = " ".join(parser.format_help().split())
    assert "--fast, --no_fast go fast (default on)" in shown
    assert "first: --kind {a,b} one of two (default a) --steps STEPS how many (default 7)" in shown


def test_hostile_words_are_printed_safely(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="x")
    for word in ("--\x1b[31mred", "-" * 9 + "a" * 5000):
        with pytest.raises(SystemExit):
            parser.parse_args([word])
        message, where = capsys.readouterr().err.splitlines()
        assert message.isprintable()
        assert len(message) < 600
        assert where == "x --help lists all options."


def test_the_command_that_was_given_the_option_answers(capsys: pytest.CaptureFixture[str]) -> None:
    parser = Parser(prog="x")
    commands = parser.add_subparsers(required=True)
    commands.add_parser("one").add_argument("--length")
    with pytest.raises(SystemExit) as exit:
        parser.parse_args(["one", "--lenght", "3"])
    assert exit.value.code == 2
    assert capsys.readouterr().err == (
        "error: unknown option --lenght; did you mean --length?\nx one --help lists all options.\n"
    )
