"""The results of a benchmark as one JSON document, computed from the episodes and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from rao_gym.benchmark.arms import BEST_OF_N, RECURSIVE
from rao_gym.benchmark.folder import (
    Benchmark,
    Cell,
    cell_results,
    cell_seconds,
    describe,
    open_benchmark,
    recorded_versions,
)
from rao_gym.benchmark.suite import FrozenTaskError
from rao_gym.benchmark.summary import (
    Budget,
    best_attempts,
    budget_of,
    differences,
    standings,
    summarize_cell,
)
from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.store import write_whole

SCHEMA_VERSION = 1
RESULTS_FILE = "results.json"


def summarize_folder(out: Path) -> dict[str, Any]:
    """Return the results of everything that was played in a folder.

    Raises:
        MissingFileError: It is not the folder of a benchmark run.
        FileFormatError: A file in it cannot be read.
        FrozenTaskError: An episode's task is not in the suite's manifest.
    """
    benchmark = open_benchmark(out)
    suite = benchmark.suite
    environments = [suite.environment(name) for name in benchmark.environments]
    episodes = {cell: _checked(benchmark, cell, cell_results(out, cell)) for cell in benchmark.cells()}
    cells: dict[Cell, Sequence[EpisodeResult]] = {}
    rows, budgets = [], list[Budget]()
    for cell, results in episodes.items():
        recursive = episodes.get(_twin(cell), [])
        merged, attempts = best_attempts(results, _budgets(recursive) if cell.arm == BEST_OF_N else {})
        cells[cell] = merged
        mean = fmean(attempts.values()) if attempts else 0.0
        rows.append(summarize_cell(cell, suite.environment(cell.environment), merged, mean, cell_seconds(out, cell)))
        if cell.arm == BEST_OF_N:
            budgets.append(budget_of(cell, recursive, merged, attempts))
    policies = [policy.name for policy in benchmark.policies]
    missing = sum(
        len(suite.keys(suite.environment(cell.environment), cell.difficulty)) - len(results)
        for cell, results in cells.items()
    )
    return {
        "schema_version": SCHEMA_VERSION,
        **benchmark.identity(),
        "versions": recorded_versions(out),
        "complete": missing == 0,
        "missing_episodes": missing,
        "ranges": {
            each.name: {"id": each.id, "trained": list(each.trained), "tested": list(each.tested)}
            for each in environments
        },
        "arms_explained": list(describe(benchmark)),
        "cells": [asdict(row) for row in rows],
        "standings": [asdict(each) for each in standings(rows, cells, environments)],
        "differences": [asdict(each) for each in differences(cells, policies, environments)],
        "budgets": [asdict(each) for each in budgets],
    }


def write_results(out: Path) -> dict[str, Any]:
    """Compute the results of a folder, write them to ``results.json`` there, and return them."""
    document = summarize_folder(out)
    write_whole(out / RESULTS_FILE, json.dumps(document, indent=1, allow_nan=False) + "\n")
    return document


def budgets_of(out: Path, cell: Cell) -> dict[int, int]:
    """Return what the recursive arm spent on the tasks of a cell: tokens, by the task's index."""
    return _budgets(cell_results(out, _twin(cell)))


def _twin(cell: Cell) -> Cell:
    """Return the cell of the recursive arm."""
    return Cell(policy=cell.policy, environment=cell.environment, arm=RECURSIVE, difficulty=cell.difficulty)


def _budgets(recursive: Sequence[EpisodeResult]) -> dict[int, int]:
    """Return the tokens of the recursive arm, by the task's index."""
    return {result.index: result.tokens for result in recursive if result.success is not None}


def _checked(benchmark: Benchmark, cell: Cell, results: list[EpisodeResult]) -> list[EpisodeResult]:
    """Return episodes whose tasks are all in the manifest.

    Raises:
        FrozenTaskError: One is not; the message names it.
    """
    frozen = benchmark.suite.environment(cell.environment).tasks[cell.difficulty]
    for result in results:
        if result.index >= len(frozen) or result.content != frozen[result.index]:
            raise FrozenTaskError(
                f"The episode of task {result.task} in {cell.environment} is not of a task of suite "
                f"{benchmark.suite.name}: its content is {result.content[:12] or 'unknown'}."
            )
    return results
