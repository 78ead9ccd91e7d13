from __future__ import annotations

import pytest
from test_tree import grow

from rao_gym.errors import ServerError
from rao_gym.rewards import local_node_reward, node_rewards, success_signals
from rao_gym.tree import Node


def test_eq_1_by_hand() -> None:
    # root (s 1) -> a (s 0) -> a0 (s 1); root -> b (s 0.5); λ = 0.4
    tree = grow([0, 0, 1], [1] * 4, [0] * 3)
    for node, signal in zip(tree.nodes, [1.0, 0.0, 0.5, 1.0], strict=True):
        node.signal = signal
    signals = success_signals(tree).by_node
    assert node_rewards(tree, signals, 0.4) == pytest.approx(
        {0: 1 + 0.4 * (0 + 0.5) / 2, 1: 0 + 0.4 * 1, 2: 0.5, 3: 1.0}
    )
    assert node_rewards(tree, signals, 0.0) == {0: 1.0, 1: 0.0, 2: 0.5, 3: 1.0}


def test_the_bonus_is_a_mean_and_zero_without_children() -> None:
    assert local_node_reward(0.5, [], 0.4) == 0.5
    assert local_node_reward(0.5, [1.0] * 10, 0.4) == pytest.approx(0.9)


def test_unknown_signals_take_the_root_s_without_a_judge() -> None:
    tree = grow([0, 0], [1] * 3, [0] * 2)
    tree.nodes[1].signal = None
    assert success_signals(tree).by_node == {0: 1.0, 1: 1.0, 2: 1.0}
    tree.root.signal = None
    assert success_signals(tree).by_node == {0: 0.0, 1: 0.0, 2: 1.0}


def test_a_judge_decides_what_the_verifier_does_not_know_and_its_failure_is_not_a_zero() -> None:
    tree = grow([0, 0, 0], [1] * 4, [0] * 3)
    tree.nodes[1].signal = tree.nodes[2].signal = None
    tree.nodes[3].signal = 0.0

    def judge(node: Node) -> float:
        if node.id == 2:
            raise ServerError("no answer")
        return 0.25

    signals = success_signals(tree, judge)
    assert signals.by_node == {0: 1.0, 1: 0.25, 3: 0.0}
    assert signals.num_excluded == 1
    assert node_rewards(tree, signals.by_node, 0.4) == pytest.approx({0: 1 + 0.4 * 0.125, 1: 0.25, 3: 0.0})
