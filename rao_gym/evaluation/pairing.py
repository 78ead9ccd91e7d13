"""Paired comparison of two runs: the difference in success on the same tasks, with its interval.

Tasks vary in difficulty far more than policies vary in skill, so differences are taken task by task. Two runs whose
intervals overlap can still differ significantly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.statistics import Z_95


@dataclass(frozen=True, kw_only=True)
class Paired:
    """A second run compared with a first, on the tasks of one environment and difficulty that both played.

    Attributes:
        id: The environment's id.
        difficulty: The difficulty.
        tasks: Number of tasks that count in both runs.
        unpaired: Number of tasks that count in only one of them.
        first: Mean success of the first run on the shared tasks. Without shared tasks, this and all that follows
            is None.
        second: Mean success of the second run.
        difference: ``second - first``.
        low: Lower end of the 95% interval of the difference; None with fewer than two tasks.
        high: Upper end of that interval.
    """

    id: str
    difficulty: int
    tasks: int
    unpaired: int
    first: float | None = None
    second: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None


def pair(first: Sequence[EpisodeResult], second: Sequence[EpisodeResult]) -> list[Paired]:
    """Compare two runs task by task.

    Tasks are matched by the hash of their content, or by id if the hash is unknown. A task that was played several
    times counts once, with its mean.

    Returns:
        One comparison per environment and difficulty of either run, in order.
    """
    ours, theirs = _success_by_task(first), _success_by_task(second)
    compared = []
    for group in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(group, {}), theirs.get(group, {})
        shared = sorted(one.keys() & other.keys())
        compared.append(_paired(group, [(one[task], other[task]) for task in shared], len(one.keys() ^ other.keys())))
    return compared


def _success_by_task(results: Sequence[EpisodeResult]) -> dict[tuple[str, int], dict[str, float]]:
    """Return the mean success of each task that counts, by environment and difficulty."""
    outcomes: dict[tuple[str, int], dict[str, list[float]]] = {}
    for result in results:
        if result.success is not None:
            group = outcomes.setdefault((result.id, result.difficulty), {})
            group.setdefault(result.same_task, []).append(result.success)
    return {group: {task: fmean(values) for task, values in tasks.items()} for group, tasks in outcomes.items()}


def _paired(group: tuple[str, int], pairs: Sequence[tuple[float, float]], unpaired: int) -> Paired:
    """Summarize the pairs of one environment and difficulty."""
    id, difficulty = group
    if not pairs:
        return Paired(id=id, difficulty=difficulty, tasks=0, unpaired=unpaired)
    differences = [second - first for first, second in pairs]
    mean = fmean(differences)
    half = Z_95 * stdev(differences) / sqrt(len(pairs)) if len(pairs) > 1 else None
    return Paired(
        id=id,
        difficulty=difficulty,
        tasks=len(pairs),
        unpaired=unpaired,
        first=fmean(first for first, _ in pairs),
        second=fmean(second for _, second in pairs),
        difference=mean,
        low=None if half is None else max(-1.0, mean - half),
        high=None if half is None else min(1.0, mean + half),
    )
