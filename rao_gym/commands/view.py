"""`rao view`: write one self-contained HTML page of the trees of one or several runs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.evaluation import EpisodeResult, read_results, read_trees
from rao_gym.evaluation.store import RESULTS
from rao_gym.registry import EpisodeSettings, registered_ids
from rao_gym.tree import ExecutionTree
from rao_gym.viewer.html import write_page


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser("view", help="write an HTML page of the trees of one or several runs")
    parser.add_argument(
        "run_paths", nargs="+", type=Path, metavar="RUN", help="a run folder, a trees.jsonl file or a tree as .json"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the page (default: next to the trees; for several runs, ./trees.html)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    sources: Sequence[Path] = list(dict.fromkeys(arguments.run_paths))
    trees: list[ExecutionTree] = []
    labels: list[str] = []
    results: list[EpisodeResult] = []
    for source in sources:
        found = read_trees(source)
        trees += found
        labels += [str(source)] * len(found) if len(sources) > 1 else []
        if (source / RESULTS).exists():  # a training run's folder has trees but no results
            results += read_results(source)
    page = arguments.out or _beside(sources)
    write_page(
        trees,
        page,
        ", ".join(map(str, sources)),
        delegation_bonus=_delegation_bonus(results),
        limits={result.id: result.limits() for result in results if result.id in registered_ids()},
        runs=labels,
    )
    print(f"Wrote {len(trees)} tree{'' if len(trees) == 1 else 's'} to {page}")
    return 0


def _beside(sources: Sequence[Path]) -> Path:
    """Return the default path of the page."""
    if len(sources) > 1:
        return Path("trees.html")
    [source] = sources
    return source / "trees.html" if source.is_dir() else source.with_suffix(".html")


def _delegation_bonus(results: Sequence[EpisodeResult]) -> float:
    """Return the λ that the runs share.

    Raises:
        InvalidValueError: The runs differ in it, so one page cannot show the rewards of all.
    """
    options: list[Mapping[str, Any]] = [result.options for result in results]
    bonuses = sorted({float(each.get("delegation_bonus", 0.0)) for each in options}) or [0.0]
    if len(bonuses) > 1:
        raise InvalidValueError(f"The runs differ in delegation_bonus: {bonuses}. Write one page for each.")
    return EpisodeSettings(delegation_bonus=bonuses[0]).delegation_bonus
