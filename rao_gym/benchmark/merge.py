"""Merge the shards of a run that several machines played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rao_gym.benchmark.folder import Benchmark, Cell, add_seconds, cell_seconds, claim, open_benchmark, read_document
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.rollouts import TaskKey
from rao_gym.evaluation.store import RESULTS, SETTINGS, TREES, RunFolder, read_results, read_trees


def merge(runs: Sequence[Path], out: Path) -> None:
    """Copy the episodes of several runs of one benchmark into one folder, which may hold some of them already.

    Raises:
        MissingFileError: A folder is not that of a benchmark run.
        InvalidValueError: The runs are not of the same benchmark, or disagree on an episode.
        FileFormatError: A file cannot be read.
    """
    if not runs:
        raise InvalidValueError("merge needs at least one run.")
    benchmarks = [open_benchmark(run) for run in runs]
    for run, benchmark in zip(runs[1:], benchmarks[1:], strict=True):
        _check_same(runs[0], benchmarks[0], run, benchmark)
    claim(out, benchmarks[0])
    for cell in benchmarks[0].cells():
        for run in runs:
            if (cell.path(run) / RESULTS).is_file():
                _merge_cell(cell, run, out)


def _check_same(first: Path, ours: Benchmark, second: Path, theirs: Benchmark) -> None:
    """Check that two runs are of the same benchmark.

    Raises:
        InvalidValueError: They are not; the message names what differs.
    """
    for name, value in ours.identity().items():
        if theirs.identity()[name] != value:
            raise InvalidValueError(f"{str(first)!r} and {str(second)!r} cannot be merged: their {name} differs.")


def _merge_cell(cell: Cell, run: Path, out: Path) -> None:
    """Copy the episodes of one cell."""
    source = cell.path(run)
    trees = {tree.task.id: tree for tree in read_trees(source)} if _has_lines(source / TREES) else {}
    added = False
    with RunFolder(cell.path(out), read_document(source / SETTINGS)) as folder:
        for result in read_results(source):
            known = folder.find(result.id, _key(result))
            if known is None:
                folder.add(result, None if result.attempt else trees.get(result.task))
                added = True
            elif not result.error and replace(known, usage={}) != replace(result, usage={}):
                raise InvalidValueError(f"{str(run)!r} and {str(out)!r} disagree on the episode of {result.task}.")
        folder.finish()
    if added:
        add_seconds(out, cell, cell_seconds(run, cell))


def _key(result: EpisodeResult) -> TaskKey:
    """Return the key of a result's episode."""
    return TaskKey(
        seed=result.seed,
        split=result.split,
        index=result.index,
        difficulty=result.difficulty,
        attempt=result.attempt,
    )


def _has_lines(file: Path) -> bool:
    """Whether a file holds anything."""
    return file.is_file() and file.stat().st_size > 0
