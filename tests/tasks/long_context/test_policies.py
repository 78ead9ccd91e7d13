"""The scripted policies: the recursive one solves what the single one, with the same skill, cannot."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest

from rao_gym.policies.base import Policy
from rao_gym.registry import make_setup
from rao_gym.runtime import Runtime, turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.long_context.kinds import PROSE_KINDS
from rao_gym.tree import ExecutionTree, StopReason

VARIANTS = [(name, variant or None) for name, kind in PROSE_KINDS.items() for variant in kind.variants]
FORMS = ["python", "tools"]


def play(runtime: Runtime[Any], policy: Policy, seed: int, difficulty: int, index: int = 0) -> ExecutionTree:
    """Play one episode."""
    runtime.reset(seed, difficulty, split="test", index=index)
    while not runtime.done:
        nodes = list(runtime.ready)
        actions = policy.act([turn_of(runtime, node) for node in nodes])
        for node, action in zip(nodes, actions, strict=True):
            if node in runtime.ready:  # the tree's budget may have ended it
                runtime.act(node, action)
    return runtime.tree


def signals(policy: str, difficulty: int, num_episodes: int, sandbox: Sandbox, **options: Any) -> list[float]:
    """Return the root's signals of one of the family's policies."""
    setup = make_setup("rao/LongContext-v0", **options)
    chosen = setup.family.reference_policy() if policy == "reference" else setup.family.single_policy()
    runtime = setup.runtime(sandbox)
    trees = (play(runtime, chosen, 17, difficulty, index) for index in range(num_episodes))
    return [tree.root.signal or 0.0 for tree in trees]


@pytest.mark.parametrize("actions", FORMS)
@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
def test_the_reference_policy_solves_every_kind(kind: str, variant: str | None, actions: str, sandbox: Sandbox) -> None:
    for difficulty, num_episodes in ((1, 4), (2, 3), (4, 2), (6, 1)):
        solved = signals("reference", difficulty, num_episodes, sandbox, kind=kind, variant=variant, actions=actions)
        assert solved == [1.0] * num_episodes, f"difficulty {difficulty}"


@pytest.mark.slow
@pytest.mark.parametrize("actions", FORMS)
@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
def test_the_reference_policy_solves_every_difficulty(
    kind: str, variant: str | None, actions: str, sandbox: Sandbox
) -> None:
    for difficulty in range(1, 9):
        num_episodes = max(3, 24 >> difficulty)
        solved = signals("reference", difficulty, num_episodes, sandbox, kind=kind, variant=variant, actions=actions)
        assert fmean(solved) >= 0.99, f"difficulty {difficulty}"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
def test_the_reference_policy_solves_two_million_tokens(kind: str, variant: str | None, sandbox: Sandbox) -> None:
    assert signals("reference", 12, 1, sandbox, kind=kind, variant=variant, actions="tools") == [1.0]


@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
def test_the_single_policy_fails_past_the_window(kind: str, variant: str | None, sandbox: Sandbox) -> None:
    options = {"kind": kind, "variant": variant, "actions": "tools"}
    assert fmean(signals("single", 1, 10, sandbox, **options)) == 1.0
    assert fmean(signals("single", 4, 60, sandbox, **options)) <= 0.35
    assert fmean(signals("single", 6, 60, sandbox, **options)) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
@pytest.mark.parametrize("actions", FORMS)
def test_the_single_policy_fails_past_the_window_in_many_episodes(
    kind: str, variant: str | None, actions: str, sandbox: Sandbox
) -> None:
    options = {"kind": kind, "variant": variant, "actions": actions}
    assert fmean(signals("single", 4, 100, sandbox, **options)) <= 0.35
    assert fmean(signals("single", 6, 100, sandbox, **options)) <= 0.1


@pytest.mark.parametrize("actions", FORMS)
def test_every_child_of_the_reference_policy_is_verified(actions: str, sandbox: Sandbox) -> None:
    setup = make_setup("rao/LongContext-v0", actions=actions)
    runtime = setup.runtime(sandbox)
    for index in range(6):
        tree = play(runtime, setup.family.reference_policy(), 2, 4, index)
        assert len(tree) > 4
        assert all(node.signal == 1.0 for node in tree.nodes)
        assert all(node.stop_reason is StopReason.FINISHED and node.tokens <= 2_048 for node in tree.nodes)


def test_text_in_the_session_is_read_by_printing_it(sandbox: Sandbox) -> None:
    for difficulty in (1, 4):
        assert signals("reference", difficulty, 3, sandbox, programmatic=True) == [1.0] * 3


@pytest.mark.parametrize("actions", FORMS)
@pytest.mark.parametrize(
    "limits",
    [
        {"max_depth": 0},
        {"max_children": 1},
        {"max_nodes": 1},
        {"max_nodes": 3},
        {"max_turns": 1},
        {"max_turns": 2},
        {"window": 600},
        {"window": None},
        {"recursive": False},
        {"max_subtree_turns": 9},
        {"max_tree_tokens": 5_000},
    ],
)
def test_the_policies_end_under_any_limits(actions: str, limits: dict[str, Any], sandbox: Sandbox) -> None:
    setup = make_setup("rao/LongContext-v0", actions=actions, **limits)
    runtime = setup.runtime(sandbox)
    for policy in (setup.family.reference_policy(), setup.family.single_policy()):
        for index in range(3):
            tree = play(runtime, policy, 0, 4, index)
            assert tree.root.stop_reason in (StopReason.FINISHED, StopReason.OUT_OF_BUDGET)
            assert tree.root.turns <= 8


def test_a_wider_window_needs_fewer_nodes(sandbox: Sandbox) -> None:
    sizes = []
    for window in (2_048, 8_192, None):
        setup = make_setup("rao/LongContext-v0", kind="frequency", actions="tools", window=window)
        tree = play(setup.runtime(sandbox), setup.family.reference_policy(), 0, 5)
        assert tree.root.signal == 1.0
        sizes.append(len(tree))
    assert sizes[0] > sizes[1] > sizes[2] == 1


def test_the_single_policy_never_launches(sandbox: Sandbox) -> None:
    setup = make_setup("rao/LongContext-v0", actions="tools")
    runtime = setup.runtime(sandbox)
    assert all(len(play(runtime, setup.family.single_policy(), 0, 3, index)) == 1 for index in range(8))
