"""The random policy is a function of its seed and of the turn, and nothing it writes stops an episode."""

from __future__ import annotations

import pytest
from counting import Counting
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.errors import InvalidValueError
from rao_gym.limits import Limits
from rao_gym.policies.random import RandomPolicy
from rao_gym.runtime import Runtime, turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tree import ExecutionTree

LIMITS = Limits(max_depth=3, max_turns=6, max_nodes=40)


def play(seed: int, actions: str, sandbox: Sandbox | None = None) -> ExecutionTree:
    policy = RandomPolicy(seed=seed)
    runtime = Runtime(Counting(), LIMITS, actions, sandbox=sandbox)
    runtime.reset(seed, 4)
    while not runtime.done:
        node = next(iter(runtime.ready))
        runtime.act(node, policy.act([turn_of(runtime, node)])[0])
    return runtime.tree


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_every_episode_ends_and_repeats(seed: int) -> None:
    tree = play(seed, "tools")
    assert tree.root.ended
    assert tree == play(seed, "tools")


def test_cells_run_too(sandbox: Sandbox) -> None:
    trees = [play(seed, "python", sandbox) for seed in range(8)]
    assert all(tree.root.ended for tree in trees)
    assert trees == [play(seed, "python", sandbox) for seed in range(8)]


def test_it_calls_launches_and_writes_junk() -> None:
    trees = [play(seed, "tools") for seed in range(30)]
    written = [message["content"] for tree in trees for node in tree.nodes for message in node.messages[2::2]]
    assert any("peek" in text for text in written)
    assert any("<tool_call>" not in text for text in written)
    assert max(len(tree) for tree in trees) > 1
    assert sum(node.refusals for tree in trees for node in tree.nodes) > 0


def test_seeds_differ_and_batches_do_not_matter() -> None:
    runtime = Runtime(Counting(), LIMITS, "tools")
    turn = turn_of(runtime, runtime.reset(0))
    texts = {RandomPolicy(seed=seed).act([turn])[0] for seed in range(10)}
    assert len(texts) > 5
    assert RandomPolicy(seed=3).act([turn, turn]) == RandomPolicy(seed=3).act([turn]) * 2


@pytest.mark.parametrize("seed", [-1, "x", None, True])
def test_a_bad_seed_is_named(seed: object) -> None:
    with pytest.raises(InvalidValueError, match="seed must be"):
        RandomPolicy(seed=seed)  # type: ignore[arg-type]
