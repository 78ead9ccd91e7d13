"""The scripted policies for pages: one that solves them, and two that act without a look at their task."""

from __future__ import annotations

from typing import Any

import pytest

from rao_gym.evaluation import TaskKey, run_rollouts
from rao_gym.policies.base import Policy
from rao_gym.registry import make_setup
from rao_gym.runtime import turn_of
from rao_gym.tasks.long_context import HalvePolicy, ReadPolicy
from rao_gym.tree import ExecutionTree, StopReason

FORMS = ["python", "tools"]
WINDOW = 500
"""Holds the rules and some pages."""


def played(policy: Policy | str, difficulty: int, index: int = 0, **options: Any) -> ExecutionTree:
    """Play one task; ``reference`` and ``single`` are the family's own policies."""
    setup = make_setup("rao/LongContext-v0", kind="pages", **options)
    own = {"reference": setup.family.reference_policy, "single": setup.family.single_policy}
    chosen = own[policy]() if isinstance(policy, str) else policy
    key = TaskKey(seed=3, split="test", index=index, difficulty=difficulty)
    (rollout,) = run_rollouts(chosen, setup, [key])
    assert rollout.tree is not None
    return rollout.tree


@pytest.mark.parametrize("actions", FORMS)
def test_the_reference_policy_solves_what_the_single_one_cannot_read(actions: str) -> None:
    for difficulty in (1, 2, 5, 7):
        for index in range(2):
            tree = played("reference", difficulty, index, actions=actions, window=WINDOW)
            assert all(node.signal == 1.0 for node in tree.nodes)
            assert len(tree) == 2**difficulty - 1
    alone: dict[str, Any] = {"actions": actions, "window": WINDOW, "recursive": False}
    assert played("single", 3, **alone).root.signal == 1.0
    assert played("single", 8, **alone).root.stop_reason is StopReason.OUT_OF_WINDOW


@pytest.mark.slow
@pytest.mark.parametrize("actions", FORMS)
def test_the_reference_policy_solves_two_thousand_pages(actions: str) -> None:
    tree = played("reference", 12, actions=actions)
    assert tree.root.signal == 1.0
    assert len(tree) == 127  # down to the depth limit, where it reads 32 pages


def test_text_in_the_session_is_printed() -> None:
    assert played("reference", 3, programmatic=True).root.signal == 1.0
    assert played("single", 3, programmatic=True).root.signal == 1.0


@pytest.mark.parametrize("limits", [{"max_depth": 0}, {"max_children": 1}, {"max_nodes": 2}, {"recursive": False}])
def test_where_it_cannot_launch_the_reference_policy_reads(limits: dict[str, Any]) -> None:
    tree = played("reference", 3, actions="tools", **limits)
    assert (len(tree), tree.root.signal, tree.root.refusals) == (1, 1.0, 0)


def test_the_reading_policy_never_launches() -> None:
    tree = played(ReadPolicy(), 4, actions="tools")
    assert (len(tree), tree.root.turns, tree.root.signal) == (1, 2, 1.0)


@pytest.mark.parametrize("actions", FORMS)
def test_the_halving_policy_launches_whatever_it_has_and_pays_for_launches_in_vain(actions: str) -> None:
    for index in range(6):
        tree = played(HalvePolicy(), 3, index, actions=actions)
        assert [len(node.children) for node in tree.nodes].count(2) == 3
        leaves = [node for node in tree.nodes if not node.children]
        assert all(leaf.refusals == 2 and leaf.value == 0 for leaf in leaves)
        assert sum(leaf.signal or 0.0 for leaf in leaves) == (tree.task.answer == 0)


def test_goals_in_other_words_are_answered_with_none() -> None:
    runtime = make_setup("rao/LongContext-v0", kind="needle", actions="tools").runtime()
    root = runtime.reset(0)
    (action,) = HalvePolicy().act([turn_of(runtime, root)])
    runtime.act(root, action)
    assert root.value is None
    runtime.close()
