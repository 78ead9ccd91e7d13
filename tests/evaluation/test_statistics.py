"""Means and intervals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.errors import InvalidValueError
from rao_gym.evaluation import EpisodeResult, summarize, wilson_interval


def result(**values: Any) -> EpisodeResult:
    named = {"id": "a/B-v0", "difficulty": 1, "seed": 0, "split": "test", "index": 0, "policy": "p", "task": "t"}
    return EpisodeResult(**{**named, "policy_options": {}, "options": {}, **values})


@pytest.mark.parametrize(
    ("mean", "num_episodes", "low", "high"),
    [(0.5, 10, 0.236593, 0.763407), (0.0, 10, 0.0, 0.277533), (1.0, 10, 0.722467, 1.0), (0.9, 100, 0.825634, 0.944771)],
)
def test_known_intervals(mean: float, num_episodes: int, low: float, high: float) -> None:
    assert wilson_interval(mean, num_episodes) == pytest.approx((low, high), abs=1e-5)


@given(successes=st.integers(0, 1000), failures=st.integers(0, 1000))
def test_an_interval_holds_its_mean_and_mirrors(successes: int, failures: int) -> None:
    num_episodes = successes + failures + 1
    mean = successes / num_episodes
    low, high = wilson_interval(mean, num_episodes)
    assert 0 <= low <= mean <= high <= 1
    mirrored = wilson_interval(1 - mean, num_episodes)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)
    wider_low, wider_high = wilson_interval(mean, num_episodes, z=3.0)
    assert wider_low <= low
    assert high <= wider_high


@pytest.mark.parametrize(("mean", "num_episodes"), [(0.5, 0), (1.5, 3), (-0.1, 3), (float("nan"), 3)])
def test_no_interval_without_episodes(mean: float, num_episodes: int) -> None:
    with pytest.raises(InvalidValueError, match="at least 1 episode"):
        wilson_interval(mean, num_episodes)


def test_a_summary_by_hand() -> None:
    results = [
        result(task="t0", success=1.0, turns=12, critical_path=4, tokens=100, nodes=3, depth=1),
        result(success=0.5, turns=8, critical_path=4, tokens=300, nodes=1, depth=0),
        result(error="server down"),
    ]
    (summary,) = summarize(results)
    assert (summary.episodes, summary.excluded) == (2, 1)
    assert summary.success == 0.75
    assert (summary.low, summary.high) == wilson_interval(0.75, 2)
    assert (summary.turns, summary.tokens, summary.nodes, summary.depth) == (10, 200, 2, 0.5)
    assert (summary.critical_path, summary.speed_up) == (4, 2.5)


def test_repeats_of_a_task_count_once() -> None:
    results = [result(task=f"t{i % 2}", success=float(i % 2), turns=1, critical_path=1) for i in range(60)]
    (summary,) = summarize(results)
    assert (summary.episodes, summary.success) == (60, 0.5)
    assert (summary.low, summary.high) == wilson_interval(0.5, 2)


def test_a_failure_is_not_a_success_of_zero() -> None:
    (summary,) = summarize([result(error="x"), result(error="y")])
    assert (summary.episodes, summary.excluded, summary.success, summary.low) == (0, 2, None, None)


def test_groups_keep_their_order() -> None:
    results = [
        result(difficulty=level, policy=name, success=1.0, turns=1, critical_path=1)
        for name in "ab"
        for level in (2, 1)
    ]
    assert [(summary.policy, summary.difficulty) for summary in summarize(results)] == [
        ("a", 2),
        ("a", 1),
        ("b", 2),
        ("b", 1),
    ]


def test_tasks_of_equal_content_are_one_task_whatever_their_ids() -> None:
    results = [result(task=f"t{i}", content="same", index=i, success=1.0, turns=1, critical_path=1) for i in range(10)]
    (summary,) = summarize(results)
    assert (summary.low, summary.high) == wilson_interval(1.0, 1)
