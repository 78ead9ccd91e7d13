"""`rao demo`: the recursive policy against the single agent on documents that exceed the window."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rao_gym.commands.common import output_console, progress_bar, summary_table
from rao_gym.evaluation import read_trees
from rao_gym.evaluation.comparison import RECURSIVE, SINGLE, compare
from rao_gym.evaluation.store import clear
from rao_gym.plots import plot_cost, plot_success
from rao_gym.registry import make_setup
from rao_gym.viewer.html import write_page

ID = "rao/LongContext-v0"
DIFFICULTIES = (1, 2, 3, 4, 5, 6)
EPISODES = 24
OPTIONS = {"window": 2_048}


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("demo", help="see delegation at work, in under a minute")
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), metavar="DIR", help="output folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play both policies, and write a table, two plots and a page of trees."""
    out: Path = arguments.out
    for contender in (RECURSIVE, SINGLE):
        clear(out / contender.label)
    series = compare(
        (RECURSIVE, SINGLE),
        ID,
        DIFFICULTIES,
        episodes=EPISODES,
        options=OPTIONS,
        out=out,
        progress_of=progress_bar,
    )
    title = f"{ID}, window of {OPTIONS['window']:,} tokens"
    plot_success(series, out / "success.png", title)
    plot_cost(series, out / "cost.png", title)
    trees = [tree for contender in (RECURSIVE, SINGLE) for tree in read_trees(out / contender.label)]
    shown = [tree for tree in trees if tree.task.index == 0]
    write_page(shown, out / "trees.html", title, limits={ID: make_setup(ID, **OPTIONS).limits})
    rows = [(label, summary) for label, summaries in series.items() for summary in summaries]
    console = output_console()
    console.print(summary_table(title, [summary for _, summary in rows], [label for label, _ in rows]))
    console.print(f"Wrote {', '.join(str(out / name) for name in ('success.png', 'cost.png', 'trees.html'))}")
    return 0
