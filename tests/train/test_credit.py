"""Credit assignment on real trees: by hand, and against an independent derivation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import Plan, make_rollout

from rao_gym.errors import InvalidValueError, PolicyError, UnknownNameError
from rao_gym.rewards import Bonus
from rao_gym.tree import Node, StopReason
from rao_train.credit import (
    Credit,
    CreditSettings,
    RewardScope,
    credit,
    depth_weights,
    leave_one_out_baselines,
    node_rewards,
    weighted_by_depth,
)

RIGHT, WRONG = Plan("right"), Plan("wrong")
UNBALANCED = Plan("right", (Plan("right", (Plan("wrong", (RIGHT,)),)), RIGHT))


def advantages(found: Credit) -> dict[tuple[int, int], float]:
    """Return advantages by tree and node."""
    return {(item.trajectory.rollout, item.trajectory.node): item.advantage for item in found.trajectories}


def credit_of(*groups: list[Plan], **options: Any) -> Credit:
    """Return the credit of groups of plans."""
    plans = [(plan, group) for group, plans in enumerate(groups) for plan in plans]
    rollouts = [make_rollout(plan, index=index, group=group) for index, (plan, group) in enumerate(plans)]
    return credit(rollouts, CreditSettings(**options))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (RIGHT, [1]),
        (WRONG, [0]),
        (Plan("right", (WRONG,)), [1, 0]),  # a failed child counts as 0
        (Plan("right", (RIGHT, WRONG)), [1.25, 1, 0]),  # a mean, not a sum
        (Plan("wrong", (RIGHT, RIGHT)), [0.5, 1, 1]),
        (Plan("right", (RIGHT, Plan("never"))), [1.25, 1, 0]),  # a child that ran out of turns counts as 0
        (Plan("never", (RIGHT,)), [0.5, 1]),
        (Plan("right", (RIGHT,), num_refused=3), [1.5, 1]),  # a refused launch is not a child
        (Plan("right", (), num_refused=1), [1]),
        (UNBALANCED, [1.5, 1, 1, 0.5, 1]),  # signals, not rewards: bonuses do not compound
    ],
)
def test_node_rewards_by_hand(plan: Plan, expected: list[float]) -> None:
    rewards = node_rewards(make_rollout(plan), 0.5)
    assert [rewards[node] for node in sorted(rewards)] == expected


def test_root_only_reward_gives_every_node_the_roots() -> None:
    rewards = node_rewards(make_rollout(Plan("wrong", (RIGHT, WRONG))), 0.5, RewardScope.ROOT)
    assert rewards == {0: 0.25, 1: 0.25, 2: 0.25}


def test_a_node_that_nothing_verifies_takes_the_roots_signal() -> None:
    rewards = node_rewards(make_rollout(Plan("right", (Plan("unknown"),))), 0.5)
    assert rewards == {0: 1.5, 1: 1.0}


@pytest.mark.parametrize(("bonus", "expected"), [("parts", 0.0), ("all", 0.5), ("gated", 0.0)])
def test_a_child_that_is_no_part_earns_its_parent_nothing_unless_all_count(bonus: str, expected: float) -> None:
    farm, honest = make_rollout(Plan("wrong", (RIGHT,)), index=0), make_rollout(WRONG, index=1)
    farm.tree.nodes[1].part = False
    settings = CreditSettings(delegation_bonus=0.5, bonus=bonus, group_filter="none")  # type: ignore[arg-type]
    assert advantages(credit([farm, honest], settings))[0, 0] == expected


def test_leave_one_out_baselines_by_hand() -> None:
    assert leave_one_out_baselines(np.array([1.0, 0.0])).tolist() == [0.0, 1.0]
    assert leave_one_out_baselines(np.array([1.0, 0.5, 0.0])).tolist() == [0.25, 0.5, 0.75]
    assert leave_one_out_baselines(np.array([1.0, np.nan, 0.0])).tolist() == [0.0, 0.5, 1.0]
    lonely = leave_one_out_baselines(np.array([np.nan, 1.0]))
    assert lonely[0] == 1.0
    assert np.isnan(lonely[1])
    assert np.isnan(leave_one_out_baselines(np.array([np.nan, np.nan]))).all()


@given(st.floats(-1e6, 1e6), st.integers(2, 50))
def test_equal_rewards_give_exactly_equal_baselines(reward: float, num_rollouts: int) -> None:
    assert set(leave_one_out_baselines(np.full(num_rollouts, reward))) == {reward}


def test_advantages_of_two_rollouts_by_hand() -> None:
    found = credit_of([UNBALANCED, WRONG], delegation_bonus=0.5)
    # Every node of the first tree is compared with the other tree's root, whose reward is 0; that root with 1.5.
    assert advantages(found) == {(0, 0): 1.5, (0, 1): 1, (0, 2): 1, (0, 3): 0.5, (0, 4): 1, (1, 0): -1.5}
    assert [item.trajectory.depth for item in found.trajectories] == [0, 1, 1, 2, 3, 0]
    weights = [item.weight for item in weighted_by_depth(found.trajectories)]
    assert weights == [0.75, 0.75, 0.75, 1.5, 1.5, 0.75]  # N = 6 over 4 depths: 1.5 a depth


def test_groups_do_not_mix() -> None:
    found = credit_of([RIGHT, WRONG], [WRONG, Plan("right", (RIGHT,))], delegation_bonus=0.5)
    assert advantages(found) == {(0, 0): 1, (1, 0): -1, (2, 0): -1.5, (3, 0): 1.5, (3, 1): 1.0}


@given(st.lists(st.integers(0, 12), min_size=1, max_size=200))
def test_every_depth_weighs_the_same(depths: list[int]) -> None:
    weights_N = depth_weights(np.array(depths))
    totals = [weights_N[np.array(depths) == depth].sum() for depth in set(depths)]
    np.testing.assert_allclose(totals, len(depths) / len(set(depths)))
    assert weights_N.sum() == pytest.approx(len(depths))


@pytest.mark.parametrize(
    ("depths", "bound", "expected"),
    [
        # One child among four roots. Eq. 4: 2.5 a depth. Bound 1: it counts as four, N = 5 over 1 1/4 depths.
        ([0, 0, 0, 0, 1], None, [0.625, 0.625, 0.625, 0.625, 2.5]),
        ([0, 0, 0, 0, 1], 1, [1, 1, 1, 1, 1]),
        ([0, 0, 0, 0, 1], 2, [5 / 6, 5 / 6, 5 / 6, 5 / 6, 5 / 3]),
        ([0, 0, 0, 0, 1], 4, [0.625, 0.625, 0.625, 0.625, 2.5]),
        # Children outnumber the roots: the bound changes nothing.
        ([0, 1, 1, 1], 1, [2, 2 / 3, 2 / 3, 2 / 3]),
        # Many children, one grandchild: the roots keep what Eq. 4 gives them over their children.
        ([0, 0, 1, 1, 1, 1, 2], 1, [1.4, 1.4, 0.7, 0.7, 0.7, 0.7, 1.4]),
        # Children that weigh less than roots do.
        ([0, 0, 1, 1], 0.5, [4 / 3, 4 / 3, 2 / 3, 2 / 3]),
        # No roots, as may happen in a small optimizer batch: nothing to compare with.
        ([1, 1, 2], 1, [0.75, 0.75, 1.5]),
    ],
)
def test_bounded_depth_weights_by_hand(depths: list[int], bound: float | None, expected: list[float]) -> None:
    assert depth_weights(np.array(depths), bound).tolist() == pytest.approx(expected)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=200), st.floats(0.01, 1000))
def test_bounded_depth_weights_sum_to_the_same_and_keep_the_bound(depths: list[int], bound: float) -> None:
    depths_N = np.array(depths)
    weights_N, unbounded_N = depth_weights(depths_N, bound), depth_weights(depths_N)
    assert weights_N.sum() == pytest.approx(len(depths))
    if 0 in depths:
        root = weights_N[depths_N == 0][0]
        assert weights_N[depths_N > 0].max(initial=0.0) <= bound * root * (1 + 1e-9)
        # Below the bound, the ratios are those of Eq. 4.
        free_N = unbounded_N <= bound * unbounded_N[depths_N == 0][0]
        np.testing.assert_allclose(weights_N[free_N] / root, (unbounded_N / unbounded_N[depths_N == 0][0])[free_N])
    else:
        np.testing.assert_array_equal(weights_N, unbounded_N)


def test_no_trajectories_have_no_weights() -> None:
    assert depth_weights(np.array([], dtype=np.int64)).tolist() == []
    assert depth_weights(np.array([], dtype=np.int64), 1.0).tolist() == []
    assert weighted_by_depth([]) == []
    assert credit([], CreditSettings()) == Credit(
        trajectories=[], num_groups=0, num_groups_filtered=0, num_filtered=0, num_excluded=0, num_interrupted=0
    )


plans = st.recursive(
    st.builds(Plan, st.sampled_from(["right", "wrong", "never"])),
    lambda children: st.builds(
        Plan,
        st.sampled_from(["right", "wrong", "never"]),
        st.lists(children, max_size=3).map(tuple),
        st.integers(0, 1),
    ),
    max_leaves=8,
)


def derive(groups: list[list[Plan]], bonus: float) -> list[tuple[float, float]]:
    """Return (advantage, weight) of every node from the plans alone, one group after the other."""
    entries: list[tuple[float, int]] = []
    for group in groups:
        roots = np.array([own_reward(plan, bonus) for plan in group])
        for tree, plan in enumerate(group):
            nodes = [(plan, 0)]
            while nodes:  # breadth first, which is the order of launches here
                node, depth = nodes.pop(0)
                entries.append((own_reward(node, bonus) - np.delete(roots, tree).mean(), depth))
                nodes += [(child, depth + 1) for child in node.children]
    depths = np.array([depth for _, depth in entries])
    histogram = np.bincount(depths)
    alpha = histogram.sum() / np.sum(histogram[histogram > 0] * (1 / histogram[histogram > 0]))
    return [(advantage, alpha / histogram[depth]) for advantage, depth in entries]


def own_reward(plan: Plan, bonus: float) -> float:
    """Return Eq. 1 of a planned node."""
    signals = np.array([child.answer == "right" for child in plan.children], dtype=float)
    return float(plan.answer == "right") + bonus * (signals.mean() if len(signals) else 0.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(plans, min_size=2, max_size=3), min_size=1, max_size=3), st.sampled_from([0.0, 0.4, 1.0]))
def test_credit_agrees_with_an_independent_derivation(groups: list[list[Plan]], bonus: float) -> None:
    found = credit_of(*groups, delegation_bonus=bonus, group_filter="none")
    weighted = weighted_by_depth(found.trajectories)
    np.testing.assert_allclose([(item.advantage, item.weight) for item in weighted], derive(groups, bonus), atol=1e-12)


def test_a_group_of_one_is_refused_in_one_line() -> None:
    with pytest.raises(
        InvalidValueError, match=r"^The leave_one_out baseline needs at least 2 rollouts.*got 1.*'none'\.$"
    ):
        credit_of([RIGHT])
    assert advantages(credit_of([RIGHT], baseline="none", group_filter="none")) == {(0, 0): 1.0}


def test_filters_for_groups_without_variance() -> None:
    # The first group has equal rewards everywhere, the second equal roots but a failed child, the third varies.
    groups = [[RIGHT, RIGHT], [Plan("right", (WRONG,)), RIGHT], [RIGHT, WRONG]]
    nothing = credit_of(*groups, group_filter="none")
    assert (len(nothing.trajectories), nothing.num_groups, nothing.num_groups_filtered) == (7, 3, 0)
    assert [item.advantage for item in nothing.trajectories][:5] == [0, 0, 0, -1, 0]
    rewards = credit_of(*groups, group_filter="equal_rewards")
    assert (len(rewards.trajectories), rewards.num_groups_filtered, rewards.num_filtered) == (5, 1, 2)
    roots = credit_of(*groups, group_filter="equal_roots")
    assert (len(roots.trajectories), roots.num_groups_filtered, roots.num_filtered) == (2, 2, 5)


def test_equal_rewards_count_without_a_baseline() -> None:
    found = credit_of([RIGHT, RIGHT], [WRONG], baseline="none", group_filter="equal_rewards")
    assert advantages(found) == {(0, 0): 1.0, (1, 0): 1.0, (2, 0): 0.0}
    assert found.num_groups_filtered == 0
    roots = credit_of([RIGHT, RIGHT], [RIGHT, WRONG], baseline="none", group_filter="equal_roots")
    assert advantages(roots) == {(2, 0): 1.0, (3, 0): 0.0}


def test_nodes_whose_judge_failed_are_excluded_and_counted() -> None:
    def judge(node: Node) -> float:
        raise PolicyError("the server is down")

    rollouts = [
        make_rollout(Plan("right", (Plan("unknown"), RIGHT)), index=0, judge=judge),
        make_rollout(WRONG, index=1, judge=judge),
    ]
    found = credit(rollouts, CreditSettings(delegation_bonus=0.5))
    assert advantages(found) == {(0, 0): 1.5, (0, 2): 1.0, (1, 0): -1.5}
    assert found.num_excluded == 1


def test_settings_take_text_and_refuse_what_is_not_there() -> None:
    assert CreditSettings(reward="root").reward is RewardScope.ROOT  # type: ignore[arg-type]
    assert CreditSettings(bonus="gated").bonus is Bonus.GATED  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match=r"Unknown bonus 'part'\. Did you mean 'parts'"):
        CreditSettings(bonus="part")  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match=r"Unknown baseline 'leave_one'\. Did you mean 'leave_one_out'"):
        CreditSettings(baseline="leave_one")  # type: ignore[arg-type]
    for bonus in (-0.1, float("nan"), float("inf")):
        with pytest.raises(InvalidValueError, match="delegation_bonus must be at least 0"):
            CreditSettings(delegation_bonus=bonus)
    for bound in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidValueError, match=r"max_child_weight must be above 0, or none for no bound, got"):
            CreditSettings(max_child_weight=bound)


def test_nodes_that_ended_through_no_deed_of_their_own_leave_the_loss() -> None:
    group = [
        make_rollout(Plan(children=(Plan(), Plan("wrong"))), index=0),
        make_rollout(Plan("wrong"), index=1),
    ]
    group[0].tree.nodes[1].stop_reason = StopReason.CANCELLED
    group[0].tree.nodes[2].stop_reason = StopReason.CRASHED
    credited = credit(group, CreditSettings())
    assert credited.num_interrupted == 2
    assert {(one.trajectory.rollout, one.trajectory.node) for one in credited.trajectories} == {(0, 0), (1, 0)}
