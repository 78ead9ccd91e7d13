"""`rao envs`: the registered environments."""

from __future__ import annotations

import argparse
from typing import Any

from rich.table import Table

from rao_gym.commands.common import output_console
from rao_gym.errors import RaoError
from rao_gym.registry import family_class, registered_ids


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("envs", help="list the environments")
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Print a table."""
    table = Table("id", "kinds", "actions", "what it is about")
    for id in registered_ids():
        table.add_row(id, *_describe(id))
    output_console().print(table)
    return 0


def _describe(id: str) -> tuple[str, str, str]:
    """Return the kinds, the action forms and a line about a family; a broken one must not hide the others."""
    try:
        family = family_class(id)
    except RaoError as error:
        return ("-", "-", str(error))
    summary = next(iter((family.__doc__ or "").strip().splitlines()), "")
    return (", ".join(family.kinds) or "-", ", ".join(family.action_forms), summary)
