"""Means over episodes, with confidence intervals."""

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
"""The normal quantile of a two-sided 95% interval."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The episodes of one policy, environment and difficulty.

    Attributes:
        id: The environment's id.
        policy: The policy's name.
        difficulty: The difficulty.
        episodes: Number of episodes that count.
        excluded: Number of episodes that do not: a server or a judge failed, or the window cannot hold their opening
            messages.
        success: Mean success signal of the root, where each task counts once. If no episode counts, this and all
            that follows is None.
        low: Lower end of the 95% interval of `success`.
        high: Upper end of that interval.
        turns: Mean turns of a tree.
        tokens: Mean tokens of a tree.
        token_counter: What counted the tokens: ``approximate``, ``model`` for the model's own tokenizer, or
            ``module:function``; several names if the episodes differ.
        nodes: Mean nodes of a tree.
        depth: Mean depth of the deepest node.
        critical_path: Mean turns on the longest chain of nodes that had to wait for each other.
        speed_up: Turns per turn of the critical path: the gain from running children in parallel.
        node_success: Mean over episodes of the mean signal of all nodes.
        unjudged: Number of nodes without a signal, in all episodes.
        usage: Total usage by model, that of excluded episodes included, with latency percentiles; see `sum_usage`.
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
    token_counter: str | None = None
    nodes: float | None = None
    depth: float | None = None
    critical_path: float | None = None
    speed_up: float | None = None
    node_success: float | None = None
    unjudged: int = 0
    usage: dict[str, JSON] = field(default_factory=dict)


def wilson_interval(mean: float, num_episodes: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a mean of signals in [0, 1].

    The interval assumes signals of 0 or 1. Signals in between vary less for the same mean, so for them the interval
    is too wide, never too narrow.

    Args:
        mean: Mean signal.
        num_episodes: Number of signals in the mean, at least 1.
        z: Quantile of the normal distribution; 1.96 for 95%.

    Raises:
        InvalidValueError: There are no episodes, or the mean is not in [0, 1].
    """
    if num_episodes < 1 or not 0 <= mean <= 1:
        raise InvalidValueError(f"Expected a mean in [0, 1] of at least 1 episode, got {mean} of {num_episodes}.")
    scale = 1 + z * z / num_episodes
    centre = (mean + z * z / (2 * num_episodes)) / scale
    half = z * sqrt(mean * (1 - mean) / num_episodes + z * z / (4 * num_episodes**2)) / scale
    return max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))


def summarize(results: Iterable[EpisodeResult]) -> list[Summary]:
    """Return one summary per environment, policy and difficulty, in order of first appearance."""
    groups: dict[tuple[str, str, int], list[EpisodeResult]] = {}
    for result in results:
        groups.setdefault((result.id, result.policy, result.difficulty), []).append(result)
    return [_summary(group) for group in groups.values()]


def _summary(group: Sequence[EpisodeResult]) -> Summary:
    """Summarize the episodes of one environment, policy and difficulty.

    Repeating a task adds little information, so the interval counts tasks, each with its mean over episodes.
    """
    first = group[0]
    counted = [result for result in group if result.success is not None]
    named = Summary(
        id=first.id,
        policy=first.policy,
        difficulty=first.difficulty,
        episodes=len(counted),
        excluded=len(group) - len(counted),
        unjudged=sum(result.unjudged for result in group),
        usage=sum_usage(result.usage for result in group),
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
        token_counter=", ".join(sorted({result.token_counter for result in counted})),
        nodes=fmean(result.nodes for result in counted),
        depth=fmean(result.depth for result in counted),
        critical_path=fmean(result.critical_path for result in counted),
        node_success=fmean(result.node_success or 0.0 for result in counted),
        speed_up=turns / critical_path if critical_path else None,  # 0 turns if no server could read the opening
    )
