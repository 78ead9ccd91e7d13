"""The `rao` command: user errors print one line on stderr and exit with code 2."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from typing import Any, NoReturn

from rao_gym.errors import InvalidValueError, MissingExtraError, RaoError, unknown_name
from rao_gym.version import __version__

ENTRY_POINTS = "rao_gym.commands"
"""Entry points through which other packages add commands: the command's name -> ``function(subparsers)``."""

COMMANDS = ("envs", "eval", "bench", "compare", "play", "view", "replay", "difficulty", "demo")
"""The commands of this package, each in the module of `rao_gym.commands` that has its name."""

USAGE_ERROR = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        argv: The arguments; those of the process by default.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # policies may write characters that the terminal cannot show
    try:
        exit_code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except RaoError as error:
        return _complain(str(error), USAGE_ERROR)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output has exited
        return 1
    except OSError as error:
        named = f": {error.filename}" if error.filename else ""
        return _complain(f"{error.strerror or error}{named}.", USAGE_ERROR)
    except KeyboardInterrupt as interruption:
        return _complain(str(interruption) or "Interrupted.", INTERRUPTED)
    return exit_code


class Parser(argparse.ArgumentParser):
    """A parser that raises our errors, and remembers its options for suggestions.

    Attributes:
        option_names: Every option string of this parser.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.option_names: list[str] = []
        super().__init__(allow_abbrev=False, **kwargs)

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        """Add an argument and remember its names."""
        self.option_names.extend(name for name in args if name.startswith("--"))
        return super().add_argument(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise an error for invalid arguments.

        Raises:
            InvalidValueError: Always.
        """
        raise InvalidValueError(f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.")


def _run(arguments: list[str]) -> int:
    """Parse the arguments and run their command."""
    parser = Parser(prog="rao", description="Environments in which agents launch copies of themselves.")
    parser.add_argument("--version", action="version", version=f"rao-gym {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    command = next((argument for argument in arguments if not argument.startswith("-")), None)
    if command is not None or "--version" not in arguments:
        _add_commands(subparsers, command)
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help()
        return USAGE_ERROR
    if hasattr(options, "overrides"):  # argparse takes no list after an option
        options.overrides += [argument for argument in unknown if not argument.startswith("-")]
        unknown = [argument for argument in unknown if argument.startswith("-")]
    if unknown:
        chosen = subparsers.choices[options.command]
        names = chosen.option_names if isinstance(chosen, Parser) else []
        if not unknown[0].startswith("-"):
            raise InvalidValueError(f"Unexpected argument {unknown[0]!r}. See {chosen.prog} --help.")
        raise unknown_name(f"option of {chosen.prog}", unknown[0].partition("=")[0], names)
    return int(options.run(options))


def _add_commands(subparsers: Any, wanted: str | None) -> None:
    """Add the wanted command, or all of them to list the commands.

    Environments and trainers are slow to import, so only what is needed is imported.

    Raises:
        UnknownNameError: There is no such command.
        MissingExtraError: The command needs an extra that is not installed.
    """
    others = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if wanted in others:
        _add_command_of_other(subparsers, others[wanted])
    elif wanted is None or wanted in COMMANDS:
        for name in COMMANDS if wanted is None else [wanted]:
            import_module(f"rao_gym.commands.{name}").add_parser(subparsers)
        for name, point in others.items() if wanted is None else ():
            subparsers.add_parser(name, help=f"from {point.module.partition('.')[0]}; see `rao {name} --help`")
    else:
        raise unknown_name("command", wanted, [*COMMANDS, *others])


def _add_command_of_other(subparsers: Any, point: EntryPoint) -> None:
    """Add a command of another package.

    Raises:
        MissingExtraError: Its requirements are not installed.
    """
    try:
        point.load()(subparsers)
    except ImportError as error:
        raise MissingExtraError(_what_to_install(point, error)) from error


def _what_to_install(point: EntryPoint, error: ImportError) -> str:
    """Say what to install for a command that cannot be loaded."""
    return f"`rao {point.name}` needs an extra: pip install 'rao-gym[train]' ({error})."


def _complain(message: str, exit_code: int) -> int:
    """Write one line to stderr."""
    print(f"rao: {' '.join(message.split())}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
