"""`rao envs`: list the registered environments, or describe one of them."""

from __future__ import annotations

import argparse
from dataclasses import fields
from inspect import Parameter, cleandoc, signature
from typing import Any

import gymnasium
from rich.table import Table

from rao_gym.commands.common import output_console
from rao_gym.errors import RaoError
from rao_gym.limits import Limits
from rao_gym.registry import EpisodeSettings, family_class, menu_ids, registered_ids, resolve_id
from rao_gym.tasks.base import TaskFamily


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("envs", help="list the environments, or show one with its options")
    parser.add_argument("id", nargs="?", metavar="ID", help="environment id, or module:ID to import a module first")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a table of all environments, or one environment's description and options."""
    if arguments.id is None:
        _print_all()
    else:
        id = resolve_id(arguments.id)
        _print_one(id, family_class(id))
    return 0


def _print_all() -> None:
    """Print a row for each environment."""
    table = Table("id", "kinds", "actions", "what it is about")
    for id in registered_ids():
        table.add_row(id, *_describe(id))
    console = output_console()
    console.print(table)
    console.print("See the options of one with: rao envs ID")


def _describe(id: str) -> tuple[str, str, str]:
    """Return a family's kinds, action forms and summary; a broken family must not hide the others."""
    try:
        family = family_class(id)
    except RaoError as error:
        return ("-", "-", str(error))
    summary = next(iter((family.__doc__ or "").strip().splitlines()), "")
    return (", ".join(family.kinds) or "-", ", ".join(family.action_forms), summary)


def _print_one(id: str, family: type[TaskFamily[Any]]) -> None:
    """Print a family's docstring, and every option with its default."""
    table = Table("option", "default", "belongs to", title=f"Options of {id}", title_justify="left")
    for name, parameter in signature(family).parameters.items():
        default = "(required)" if parameter.default is Parameter.empty else repr(parameter.default)
        table.add_row(name, default, "the family")
    for field in fields(Limits):
        table.add_row(field.name, repr(getattr(family.default_limits, field.name)), "the limits")
    for setting in fields(EpisodeSettings):
        default = getattr(setting.default, "__qualname__", repr(setting.default))
        table.add_row(setting.name, default, "the episode")
    console = output_console()
    console.print(f"{id}\n\n{cleandoc(family.__doc__ or '')}\n")
    console.print(f"Kinds: {', '.join(family.kinds) or '-'}")
    console.print(f"Action forms: {', '.join(family.action_forms)} (the first is the default)")
    if menus := menu_ids(gymnasium.registry[id].kwargs["family"]):
        console.print(f"With fixed spaces, for Stable-Baselines3 and others: {', '.join(menus)}")
    console.print()
    console.print(table)
    console.print(f"Play it yourself with: rao play {id}")
