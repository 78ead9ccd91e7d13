"""Metrics are measured on what credit sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tiny import Plan, make_rollout

from rao_gym.errors import PolicyError
from rao_gym.tree import Node
from rao_train.credit import CreditedTrajectory, CreditSettings, weighted_by_depth
from rao_train.rollout.trajectory import Rollout
from rao_train.rollout.worker import RolloutBatch
from rao_train.run.metrics import bonus_metrics, evaluation_metrics, lag_metrics, tree_metrics, weight_metrics


def batch_of(rollouts: Sequence[Rollout]) -> RolloutBatch:
    return RolloutBatch(
        rollouts=rollouts, policy_version=0, seconds_generating=1, seconds_acting=1, num_generated=1, num_read=1
    )


def written_by(rollout: Rollout, versions: Sequence[Sequence[int]]) -> Rollout:
    """Return a rollout whose trajectories were written by weights of these versions."""
    return replace(
        rollout,
        trajectories=[
            replace(trajectory, versions_T=np.array([0, *of_tokens], dtype=np.int32))
            for trajectory, of_tokens in zip(rollout.trajectories, versions, strict=True)
        ],
    )


def test_the_lag_is_that_of_the_tokens() -> None:
    first = written_by(make_rollout(Plan("right", (Plan("right"),))), [[3, 3], [3, 5]])
    second = written_by(make_rollout(Plan("wrong"), index=1), [[4, 6]])
    assert lag_metrics(batch_of([first, second]), 6) == {
        "policy/lag": pytest.approx((3 + 3 + 3 + 1 + 2 + 0) / 6),
        "policy/lag_max": 3,
    }


def test_a_batch_without_tokens_has_no_lag() -> None:
    assert lag_metrics(batch_of([replace(make_rollout(Plan("right")), trajectories=[])]), 6) == {}


def test_nodes_that_nothing_verifies_count_as_their_root() -> None:
    found = tree_metrics([make_rollout(Plan("right", (Plan("unknown"), Plan("wrong"))))])
    assert (found["success/root"], found["success/depth_0"], found["success/depth_1"]) == (1.0, 1.0, 0.5)


def test_nodes_that_a_judge_failed_on_are_left_out() -> None:
    def judge(node: Node) -> float:
        if node.position:
            raise PolicyError("no verdict")
        return 0.75

    found = tree_metrics([make_rollout(Plan("right", (Plan("unknown"), Plan("unknown"))), judge=judge)])
    assert found["success/depth_1"] == 0.75


def test_roots_without_a_signal_are_no_failures() -> None:
    def excluded(index: int) -> Rollout:
        rollout = make_rollout(Plan("right"), index=index)
        return replace(rollout, signals=replace(rollout.signals, by_node={}, unjudged={0: "the judge failed"}))

    found = evaluation_metrics(batch_of([make_rollout(Plan("right")), excluded(1)]))
    assert (found["evaluation/success_2"], found["evaluation/turns_2"]) == (1.0, 1.0)
    assert "evaluation/success_2" not in evaluation_metrics(batch_of([excluded(0)]))
    assert "success/root" not in tree_metrics([excluded(0)])


def test_bonuses_and_launches_are_told_apart_by_whether_the_work_was_a_part() -> None:
    rollouts = [make_rollout(Plan("wrong", (Plan("right"), Plan("right")))), make_rollout(Plan("right"), index=1)]
    rollouts[0].tree.nodes[1].part, rollouts[0].tree.nodes[2].part = 0.25, 0.0
    launches = tree_metrics(rollouts)
    assert (launches["launch/parts"], launches["launch/non_parts"]) == (0.5, 0.5)
    paid = {
        bonus: tuple(bonus_metrics(rollouts, CreditSettings(delegation_bonus=0.4, bonus=bonus)).values())  # type: ignore[arg-type]
        for bonus in ("parts", "all", "gated")
    }
    assert paid["parts"] == pytest.approx((0.4 * 0.25 / 2, 0.4 * 0.5 / 2))
    assert paid["all"] == pytest.approx((0.4 / 2, 0.0))
    assert paid["gated"] == pytest.approx((0.0, 0.4 * 0.5 / 2))


def test_the_weight_of_each_depth_is_its_share_of_all_weights() -> None:
    rollout = make_rollout(Plan("right", (Plan("right"), Plan("right"))))
    credited = [CreditedTrajectory(trajectory=one, reward=1, advantage=1) for one in rollout.trajectories]
    assert weight_metrics([credited]) == {
        "credit/weight_depth_0": pytest.approx(1 / 3),
        "credit/weight_depth_1": pytest.approx(2 / 3),
    }
    assert weight_metrics([weighted_by_depth(credited)]) == {
        "credit/weight_depth_0": pytest.approx(0.5),
        "credit/weight_depth_1": pytest.approx(0.5),
    }
    assert weight_metrics([[]]) == {}
