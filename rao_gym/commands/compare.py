"""`rao compare`: compare two runs task by task."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.table import Table

from rao_gym.commands.common import output_console, shown
from rao_gym.errors import FileFormatError
from rao_gym.evaluation import read_results
from rao_gym.evaluation.pairing import Paired, pair


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("compare", help="compare two runs on the tasks that both played")
    parser.add_argument("first", type=Path, metavar="RUN", help="a run folder or a results.jsonl file")
    parser.add_argument("second", type=Path, metavar="RUN", help="the run to compare it with")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a table of paired differences."""
    compared = pair(read_results(arguments.first), read_results(arguments.second))
    if not any(row.tasks for row in compared):
        raise FileFormatError(
            f"{arguments.first} and {arguments.second} have no task in common. Play the same ids, difficulties, seed "
            "and split."
        )
    table = Table(title=f"{arguments.second} against {arguments.first}", title_justify="left")
    table.add_column("id", overflow="fold")
    for name in ("difficulty", "tasks", "first", "second", "difference", "95%\ninterval", "only in\none run"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in compared:
        table.add_row(row.id, *_cells(row))
    output_console().print(table)
    return 0


def _cells(row: Paired) -> list[str]:
    """Return the cells of one environment and difficulty."""
    interval = "-" if row.low is None or row.high is None else f"{row.low:+.2f} to {row.high:+.2f}"
    return [
        str(row.difficulty),
        str(row.tasks),
        shown(row.first, 2),
        shown(row.second, 2),
        "-" if row.difference is None else f"{row.difference:+.2f}",
        interval,
        str(row.unpaired),
    ]
