"""The driver: no node waits for another's answer, and nothing is asked for in vain."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from counting import call

from rao_gym.errors import ServerError
from rao_gym.evaluation import TaskKey, run_rollouts
from rao_gym.policies.base import Turn, as_policy
from rao_gym.registry import Setup, make_setup
from rao_gym.tree import StopReason

KEYS = [TaskKey(seed=0, split="test", index=index, difficulty=3) for index in range(6)]


@pytest.fixture
def tools(counting_id: str) -> Setup:
    return make_setup(counting_id, actions="tools", max_turns=8, max_nodes=40)


def test_an_asynchronous_policy_grows_the_trees_of_one_that_acts_in_batches(tools: Setup, solver: Any) -> None:
    async def answer(turn: Turn) -> str:
        await asyncio.sleep(0.001 * (len(turn.agent) * 5 % 7))
        return str(solver([turn])[0])

    batches = {rollout.key: rollout.tree for rollout in run_rollouts(as_policy(solver), tools, KEYS)}
    alone = {rollout.key: rollout.tree for rollout in run_rollouts(as_policy(answer), tools, KEYS, workers=4)}
    assert batches.keys() == alone.keys()
    for key, tree in batches.items():
        other = alone[key]
        assert tree is not None
        assert other is not None
        assert tree.root.signal == 1.0
        assert {node.name: node.messages for node in tree.nodes} == {node.name: node.messages for node in other.nodes}


def test_no_tree_waits_for_the_slow_answer_of_another(tools: Setup, solver: Any) -> None:
    num_asked = num_finished = 0

    async def answer(turn: Turn) -> str:
        nonlocal num_asked, num_finished
        num_asked += 1
        if num_asked == 1:
            async with asyncio.timeout(30):
                while num_finished < len(KEYS) - 1:
                    await asyncio.sleep(0.001)
        text = str(solver([turn])[0])
        num_finished += turn.depth == 0 and '"finish"' in text
        return text

    rollouts = run_rollouts(as_policy(answer), tools, KEYS, workers=3)
    assert [rollout.key.index for rollout in rollouts][-1] == 0


def test_what_was_asked_for_a_cancelled_node_is_cancelled(counting_id: str) -> None:
    cancelled: list[str] = []

    async def answer(turn: Turn) -> str:
        if turn.depth == 0:
            return call("launch_subagent", goal="Sum the numbers.", start=0, end=2) * 2
        if turn.agent == "root.0":
            return "x" * 40_000
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(turn.agent)
            raise
        return ""

    setup = make_setup(counting_id, actions="tools", max_tree_tokens=5_000, window=None)
    policy = as_policy(answer)
    (rollout,) = run_rollouts(policy, setup, KEYS[:1])
    assert rollout.tree is not None
    assert rollout.tree.root.stop_reason is StopReason.OUT_OF_BUDGET
    policy.close()  # type: ignore[attr-defined]
    assert cancelled == ["root.1"]


def test_a_failing_request_ends_its_own_tree_only(tools: Setup, solver: Any) -> None:
    async def answer(turn: Turn) -> str:
        if turn.agent == "root.1.0":
            raise ServerError("overloaded")
        return str(solver([turn])[0])

    keys = [*KEYS[:2], *(TaskKey(seed=0, split="test", index=index, difficulty=1) for index in range(6, 9))]
    rollouts = sorted(run_rollouts(as_policy(answer), tools, keys, workers=2), key=lambda rollout: rollout.key.index)
    assert [rollout.error for rollout in rollouts] == ["overloaded"] * 2 + [""] * 3


def test_a_server_that_answers_nobody_is_asked_by_the_first_trees_only(tools: Setup) -> None:
    asked = 0

    async def answer(_turn: Turn) -> str:
        nonlocal asked
        asked += 1
        raise ServerError("nobody there")

    with pytest.raises(ServerError, match="nobody there"):
        list(run_rollouts(as_policy(answer), tools, KEYS, workers=2))
    assert asked == 2
