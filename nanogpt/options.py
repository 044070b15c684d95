"""Command lines: options made from the fields of a config, and errors that take two lines.

Knows dataclasses whose fields are made by `checks.option`; knows no command.
"""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, NoReturn

from nanogpt.checks import shortened


class Parser(argparse.ArgumentParser):
    """A parser whose errors are a sentence and a line that says where all options are listed. Exit status 2."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {shortened(message)}\n{self.prog} --help lists all options.\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it, but an unknown option is an error of the command that it was given to."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown[0]))
        return found, unknown

    def _unknown(self, word: str) -> str:
        name = word.partition("=")[0]
        if not name.startswith("-"):
            return f"{word} is more than this command takes"
        options = [option for option in self._option_string_actions if option.startswith("--")]
        near = difflib.get_close_matches(name.replace("-", "_"), [o.replace("-", "_") for o in options], 1)
        guess = next((o for o in options if near and o.replace("-", "_") == near[0]), "")
        return f"unknown option {name}" + (f"; did you mean {guess}?" if guess else "")


class Switch(argparse.Action):
    """An option that is on or off: `--name` and `--no_name`."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str, default: Any = None):
        (name,) = option_strings
        super().__init__([name, f"--no_{name[2:]}"], dest, nargs=0, help=help, default=default)

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, not str(option_string).startswith("--no_"))


def add_options(
    parser: argparse.ArgumentParser,
    config: type[Any],
    *,
    leave_out: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    defaults: Any = None,
) -> None:
    """One option for each field of a config dataclass. In the result of the parser, only those that were given are set.

    Args:
        groups: title → fields, in the order of the help.
        defaults: a config whose values the help shows, if they are not the config's own defaults.
    """
    homes: dict[str, Any] = {}
    for title, names in (groups or {}).items():
        homes |= dict.fromkeys(names, parser.add_argument_group(title))
    for f in fields(config):
        if f.name in leave_out:
            continue
        value = f.default if defaults is None else getattr(defaults, f.name)
        default = "" if value in (None, "", (), MISSING) or value is False else f" (default {_word(value)})"
        how: dict[str, Any] = {"help": f.metadata["help"] + default, "default": argparse.SUPPRESS}
        if f.type is bool:
            how["action"] = Switch
        else:
            how |= {"type": f.type if f.type in (int, float) else str}
            how |= {"metavar": f.metadata["metavar"] or f.name.split("_")[-1].upper()}
            if f.metadata.get("choices"):
                how |= {"choices": f.metadata["choices"], "metavar": None}
            if f.type == tuple[str, ...]:
                how["nargs"] = "+"
        homes.get(f.name, parser).add_argument(f"--{f.name}", **how)


def _word(value: object) -> str:
    return "on" if value is True else f"{value:,}" if isinstance(value, int) else str(value)
