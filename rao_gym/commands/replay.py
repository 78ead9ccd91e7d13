"""`rao replay`: replay one line of the results."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rao_gym.errors import FileFormatError, InvalidValueError
from rao_gym.evaluation import read_results, replay
from rao_gym.viewer.html import write_page
from rao_gym.viewer.text import tree_as_text


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("replay", help="replay one line of the results")
    parser.add_argument("results", type=Path, metavar="RUN", help="a run folder or a results.jsonl file")
    parser.add_argument("--line", type=int, default=1, metavar="N", help="number of the line (default 1)")
    parser.add_argument("--trust", action="store_true", help="load or contact whatever the results name")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write an HTML page of the tree")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the tree, and whether the result is the same; return 1 if it is not."""
    results = read_results(arguments.results)
    if not results:
        raise FileFormatError(f"{arguments.results} holds no results.")
    if not 1 <= arguments.line <= len(results):
        raise InvalidValueError(f"--line must be in 1..{len(results)}, got {arguments.line}.")
    before = results[arguments.line - 1]
    again, tree = replay(before, trust=arguments.trust)
    print(tree_as_text(tree))
    if arguments.out is not None:
        write_page([tree], arguments.out, again.task, limits={again.id: again.limits()})
        print(f"Wrote the tree to {arguments.out}")
    now = asdict(again)
    changes = [f"{name} {value!r} -> {now[name]!r}" for name, value in asdict(before).items() if value != now[name]]
    print(f"The result differs: {', '.join(changes)}." if changes else "The result is the same.")
    return 1 if changes else 0
