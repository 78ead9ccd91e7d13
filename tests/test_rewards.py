from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_tree import grow

from rao_gym.errors import ServerError
from rao_gym.rewards import Bonus, local_node_reward, node_rewards, success_signals
from rao_gym.tree import ExecutionTree, Node


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


def marked(parts: Sequence[bool | float | None], signals: Sequence[float]) -> ExecutionTree:
    """Build a root with one child for each answer of `part_of`; the first signal is the root's."""
    tree = grow([0] * len(parts), [1] * (len(parts) + 1), [0] * len(parts))
    for node, signal, part in zip(tree.nodes, signals, [None, *parts], strict=True):
        node.signal, node.part = signal, part
    return tree


@pytest.mark.parametrize(
    ("parts", "signals", "expected"),
    [  # R of the root with λ = 0.4, for parts, all and gated
        ([], [1.0], (1.0, 1.0, 1.0)),
        ([True, True], [1.0, 1.0, 0.0], (1.2, 1.2, 1.2)),
        ([None], [1.0, 1.0], (1.4, 1.4, 1.4)),  # unknown: as the paper says
        ([False], [1.0, 1.0], (1.0, 1.4, 1.0)),
        ([False], [0.0, 1.0], (0.0, 0.4, 0.0)),  # the farm: a trivial child, then giving up
        ([True], [0.0, 1.0], (0.4, 0.4, 0.0)),  # a part of the work was done, the rest was not
        ([True, False], [1.0, 0.0, 1.0], (1.0, 1.2, 1.0)),  # a trivial child does not make up for a part that failed
        ([True, False], [1.0, 1.0, 0.0], (1.4, 1.2, 1.4)),  # nor does it dilute one that succeeded
        ([0.25], [0.0, 1.0], (0.1, 0.4, 0.0)),  # a quarter of the work was given away, and then nothing done
        ([0.5, 0.25], [1.0, 1.0, 0.0], (1.2, 1.2, 1.2)),
        ([0.75, 0.75], [1.0, 1.0, 0.0], (1.2, 1.2, 1.2)),  # shares that overlap count as they would in a mean
        ([True, 0.5], [1.0, 1.0, 0.0], (1 + 0.4 / 1.5, 1.2, 1 + 0.4 / 1.5)),
        ([True], [0.5, 1.0], (0.9, 0.9, 0.7)),  # half a success opens the gate by half
    ],
)
def test_which_children_count_by_hand(
    parts: Sequence[bool | float | None], signals: Sequence[float], expected: tuple[float, float, float]
) -> None:
    tree = marked(parts, signals)
    by_node = success_signals(tree).by_node
    found = [node_rewards(tree, by_node, 0.4, bonus=bonus)[0] for bonus in (Bonus.PARTS, Bonus.ALL, Bonus.GATED)]
    assert found == pytest.approx(expected)


def test_the_success_of_the_root_opens_the_gate_of_every_node() -> None:
    tree = grow([0, 1], [1] * 3, [0] * 2)
    for node, signal in zip(tree.nodes, [1.0, 0.0, 1.0], strict=True):
        node.signal = signal
    assert node_rewards(tree, success_signals(tree).by_node, 0.4, bonus=Bonus.GATED)[1] == 0.4


units = st.floats(0, 1)
launched = st.lists(st.tuples(st.sampled_from([True, False, None]) | units, units), max_size=6)


@given(units, launched, units, st.sampled_from([Bonus.PARTS, Bonus.GATED]), units)
def test_no_child_that_is_no_part_ever_changes_a_reward(
    root: float, children: list[tuple[bool | float | None, float]], signal: float, bonus: Bonus, weight: float
) -> None:
    def reward(others: list[tuple[bool | float | None, float]]) -> float:
        tree = marked([part for part, _ in others], [root, *(each for _, each in others)])
        return node_rewards(tree, success_signals(tree).by_node, weight, bonus=bonus)[0]

    assert reward([*children, (False, signal)]) == reward(children)
    assert root <= reward(children) <= root + weight * (1 + 1e-12)
    if not any(part is None or part for part, _ in children):
        assert reward(children) == root
