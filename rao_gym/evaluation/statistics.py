"""Means over episodes, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from statistics import fmean

from rao_gym.errors import InvalidValueError
from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.usage import sum_usage
from rao_gym.jsonable import JSON

Z_95 = 1.959963984540054
"""The normal distribution's quantile that leaves 2.5% on either side."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The episodes of one policy, environment and difficulty; all but the first five fields are means.

    Attributes:
        id: The environment's id.
        policy: The policy's name.
        difficulty: The difficulty.
        episodes: Episodes that count.
        excluded: Episodes that do not, because a server failed.
        success: Success signal of the root, of which each task counts once; None, like all that follows, when no
            episode counts.
        low: Lower end of the 95% interval of `success`.
        high: Upper end of it.
        turns: Turns of a tree.
        tokens: Tokens of a tree.
        nodes: Nodes of a tree.
        depth: Depth of the deepest node.
        critical_path: Turns that have to follow each other.
        speed_up: Turns for each turn of the critical path: what running children at once gains.
        usage: Totals of what models used, by model, with percentiles of their latency; see `sum_usage`.
    """

    id: str
    policy: str
    difficulty: int
    episodes: int
    excluded: int
    success: float | None = None
    low: float | None = None
    high: float | None = None
    turns: float | None = None
    tokens: float | None = None
    nodes: float | None = None
    depth: float | None = None
    critical_path: float | None = None
    speed_up: float | None = None
    usage: dict[str, JSON] = field(default_factory=dict)


def wilson_interval(mean: float, num_episodes: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a mean of signals in [0, 1].

    It is exact in its approximation for signals of 0 and 1. Signals in between vary less than such a coin does
    with the same mean, so that the interval is then wider than need be, never narrower.

    Args:
        mean: Mean signal.
        num_episodes: Signals that it is the mean of; at least 1.
        z: Quantile of the normal distribution; 1.96 for 95%.

    Raises:
        InvalidValueError: There are no episodes, or the mean is not in [0, 1].
    """
    if num_episodes < 1 or not 0 <= mean <= 1:
        raise InvalidValueError(f"A mean in [0, 1] of at least 1 episode is needed, got {mean} of {num_episodes}.")
    scale = 1 + z * z / num_episodes
    centre = (mean + z * z / (2 * num_episodes)) / scale
    half = z * sqrt(mean * (1 - mean) / num_episodes + z * z / (4 * num_episodes**2)) / scale
    return max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))


def summarize(results: Iterable[EpisodeResult]) -> list[Summary]:
    """Return one summary for each environment, policy and difficulty, in the order in which they first appear."""
    groups: dict[tuple[str, str, int], list[EpisodeResult]] = {}
    for result in results:
        groups.setdefault((result.id, result.policy, result.difficulty), []).append(result)
    return [_summary(group) for group in groups.values()]


def _summary(group: Sequence[EpisodeResult]) -> Summary:
    """Summarize the episodes of one environment, policy and difficulty.

    Episodes of one task tell little more than one of them, so the interval counts tasks: the success of each is the
    mean over its episodes.
    """
    first = group[0]
    counted = [result for result in group if result.success is not None]
    named = Summary(
        id=first.id,
        policy=first.policy,
        difficulty=first.difficulty,
        episodes=len(counted),
        excluded=len(group) - len(counted),
    )
    if not counted:
        return named
    by_task: dict[str, list[float]] = {}
    for result in counted:
        by_task.setdefault(result.same_task, []).append(result.success or 0.0)
    success = fmean(map(fmean, by_task.values()))
    low, high = wilson_interval(success, len(by_task))
    turns, critical_path = sum(result.turns for result in counted), sum(result.critical_path for result in counted)
    return replace(
        named,
        success=success,
        low=low,
        high=high,
        turns=fmean(result.turns for result in counted),
        tokens=fmean(result.tokens for result in counted),
        nodes=fmean(result.nodes for result in counted),
        depth=fmean(result.depth for result in counted),
        critical_path=fmean(result.critical_path for result in counted),
        usage=sum_usage(result.usage for result in counted),
        speed_up=turns / critical_path if critical_path else None,  # a server may read not even the openings
    )
