"""`rao difficulty`: success and cost of the recursive and the single-agent policy, by difficulty."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rao_gym.commands.common import (
    add_environment_arguments,
    add_run_arguments,
    environment_options,
    output_console,
    parse_difficulties,
    progress_bar,
    summary_table,
)
from rao_gym.evaluation.comparison import RECURSIVE, SINGLE, compare
from rao_gym.evaluation.store import clear
from rao_gym.plots import plot_cost, plot_success
from rao_gym.registry import resolve_id


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("difficulty", help="measure the reference and the single-agent policy by difficulty")
    parser.add_argument("id", metavar="ID", help="environment id, or module:ID to import a module first")
    add_run_arguments(parser, difficulty="1-6", episodes=8)
    add_environment_arguments(parser, recursion=False)
    parser.add_argument("--out", type=Path, default=Path("runs/difficulty"), metavar="DIR", help="folder for results")
    parser.add_argument("--fresh", action="store_true", help="delete the results in DIR first")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and write a table, plots and JSON."""
    id, out = resolve_id(arguments.id), arguments.out
    contenders = (RECURSIVE, SINGLE)
    if arguments.fresh:
        for contender in contenders:
            clear(out / contender.label)
    series = compare(
        contenders,
        id,
        parse_difficulties(arguments.difficulty),
        episodes=arguments.episodes,
        seed=arguments.seed,
        split=arguments.split,
        workers=arguments.workers,
        options=environment_options(arguments),
        out=out,
        progress_of=progress_bar,
    )
    plot_success(series, out / "success.png", id)
    plot_cost(series, out / "cost.png", id)
    rows = [(label, summary) for label, summaries in series.items() for summary in summaries]
    console = output_console()
    console.print(summary_table(id, [summary for _, summary in rows], [label for label, _ in rows]))
    console.print(f"Wrote {out / 'comparison.json'}, {out / 'success.png'} and {out / 'cost.png'}")
    return 0
