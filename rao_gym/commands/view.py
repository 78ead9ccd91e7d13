"""`rao view`: one self-contained HTML page of trees."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rao_gym.evaluation import read_results, read_trees
from rao_gym.evaluation.store import RESULTS
from rao_gym.registry import EpisodeSettings, registered_ids
from rao_gym.viewer.html import write_page


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("view", help="write an HTML page of the trees of a run")
    parser.add_argument("run_path", type=Path, metavar="RUN", help="a run's folder, a trees.jsonl or a tree in JSON")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page; beside the trees when left out")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    source: Path = arguments.run_path
    trees = read_trees(source)
    page = arguments.out or (source / "trees.html" if source.is_dir() else source.with_suffix(".html"))
    has_results = (source / RESULTS).exists()  # the folder of a training run has trees alone
    results = {result.id: result for result in read_results(source)} if has_results else {}
    # A folder holds one set of options.
    options: Mapping[str, Any] = next((result.options for result in results.values()), {})
    write_page(
        trees,
        page,
        str(source),
        delegation_bonus=EpisodeSettings(delegation_bonus=options.get("delegation_bonus", 0.0)).delegation_bonus,
        limits={id: result.limits() for id, result in results.items() if id in registered_ids()},
    )
    print(f"Wrote {len(trees)} tree{'' if len(trees) == 1 else 's'} to {page}")
    return 0
