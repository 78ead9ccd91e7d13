"""Compare benchmark runs side by side, on the tasks that they share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rao_gym.benchmark.arms import BEST_OF_N
from rao_gym.benchmark.folder import Benchmark, Cell, cell_results, open_benchmark
from rao_gym.benchmark.results import budgets_of
from rao_gym.benchmark.summary import Difference, best_attempts
from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.pairing import pair
from rao_gym.evaluation.results import EpisodeResult


def compare_runs(first: Path, second: Path) -> list[Difference]:
    """Return the success of the second run minus that of the first, by environment, arm and difficulty.

    Runs of one policy each are compared whatever the policies are called; otherwise, policies are matched by name.

    Raises:
        MissingFileError: A folder is not that of a benchmark run.
        InvalidValueError: The runs are of different suites, or have no cell in common.
    """
    ours, theirs = open_benchmark(first), open_benchmark(second)
    if ours.suite.hash != theirs.suite.hash:
        raise InvalidValueError(
            f"{str(first)!r} was run on {_named(ours)} and {str(second)!r} on {_named(theirs)}; results of different "
            "suites cannot be compared."
        )
    single = len(ours.policies) == len(theirs.policies) == 1
    renamed = {theirs.policies[0].name: ours.policies[0].name} if single else {}
    theirs_by_name = {
        Cell(
            policy=renamed.get(cell.policy, cell.policy),
            environment=cell.environment,
            arm=cell.arm,
            difficulty=cell.difficulty,
        ): cell
        for cell in theirs.cells()
    }
    found: list[Difference] = []
    for cell in ours.cells():
        if cell in theirs_by_name:
            found.extend(_compared(first, cell, second, theirs_by_name[cell]))
    if not found:
        raise InvalidValueError(f"{str(first)!r} and {str(second)!r} have no policy, environment and arm in common.")
    return found


def _compared(first: Path, ours: Cell, second: Path, theirs: Cell) -> Sequence[Difference]:
    """Return the difference in one cell; none if the runs share no task in it."""
    rows = pair(_episodes(first, ours), _episodes(second, theirs))
    return [
        Difference(
            environment=ours.environment,
            difficulty=ours.difficulty,
            policy=theirs.policy,
            arm=theirs.arm,
            against_policy=ours.policy,
            against_arm=ours.arm,
            tasks=row.tasks,
            difference=row.difference,
            low=row.low,
            high=row.high,
        )
        for row in rows
        if row.tasks
    ]


def _episodes(out: Path, cell: Cell) -> list[EpisodeResult]:
    """Return the results of a cell, one for each task."""
    budgets = budgets_of(out, cell) if cell.arm == BEST_OF_N else {}
    return best_attempts(cell_results(out, cell), budgets)[0]


def _named(benchmark: Benchmark) -> str:
    """Return how to call a run's suite."""
    return f"suite {benchmark.suite.name}, version {benchmark.suite.version} ({benchmark.suite.hash[:12]})"
