"""Many episodes side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rao_gym.errors import InvalidValueError, PolicyError, ServerError, WindowTooSmallError
from rao_gym.evaluation import TaskKey, run_rollouts
from rao_gym.policies.base import FunctionPolicy, PartialAnswersError, Turn
from rao_gym.policies.random import RandomPolicy
from rao_gym.registry import Setup, make_setup
from rao_gym.sandbox import Sandbox

KEYS = [TaskKey(seed=0, split="test", index=index, difficulty=1 + index % 4) for index in range(12)]


@pytest.fixture
def tools(counting_id: str) -> Setup:
    return make_setup(counting_id, actions="tools", max_turns=8, max_nodes=40)


@pytest.mark.parametrize("actions", ["tools", "python"])
def test_trees_do_not_depend_on_the_number_of_workers(counting_id: str, actions: str, sandbox: Sandbox) -> None:
    built = make_setup(counting_id, actions=actions, max_turns=4, max_depth=2, max_nodes=20)
    trees: list[dict[int, str]] = []
    for workers in (1, 8):
        rollouts = run_rollouts(RandomPolicy(), built, KEYS, workers=workers, sandbox=sandbox)
        trees.append({rollout.key.index: rollout.tree.to_json() for rollout in rollouts if rollout.tree})
    assert trees[0] == trees[1]
    assert len(trees[0]) == len(KEYS)


def test_turns_of_all_trees_come_in_one_batch(tools: Setup, solver: Any) -> None:
    sizes: list[int] = []

    def policy(turns: Sequence[Turn]) -> list[str]:
        sizes.append(len(turns))
        return list(solver(turns))

    keys = [TaskKey(seed=0, split="test", index=index, difficulty=3) for index in range(6)]
    rollouts = list(run_rollouts(FunctionPolicy(policy), tools, keys, workers=3))
    # a tree of difficulty 3 has 1, 2 and 4 nodes ready at once on its way down, and back: 3 + 4 turns of
    # one or two nodes; two rounds of three trees
    assert sizes == [3, 6, 12, 12, 6, 3] * 2
    assert [rollout.key.index for rollout in rollouts] == list(range(6))
    assert all(rollout.tree is not None and rollout.tree.root.signal == 1.0 for rollout in rollouts)


def test_items_of_a_wrong_type_cost_a_turn(tools: Setup) -> None:
    policy = FunctionPolicy(lambda turns: [5] * len(turns))  # type: ignore[list-item]
    (rollout,) = run_rollouts(policy, tools, KEYS[:1])
    assert rollout.tree is not None
    assert rollout.tree.turns == 8
    assert "an action is text, not int" in rollout.tree.root.messages[3]["content"]


@pytest.mark.parametrize(("answer", "message"), [(None, "returned NoneType"), ([], "returned 0 items")])
def test_a_broken_policy_is_an_error(tools: Setup, answer: object, message: str) -> None:
    policy = FunctionPolicy(lambda _turns: answer)  # type: ignore[arg-type, return-value]
    with pytest.raises(PolicyError, match=message):
        list(run_rollouts(policy, tools, KEYS))


def test_a_failing_server_excludes_its_episode_only(tools: Setup, solver: Any) -> None:
    def flaky(turns: Sequence[Turn]) -> list[str]:
        answers = [ServerError("overloaded") if turn.agent == "root.1.1" else solver([turn])[0] for turn in turns]
        if any(isinstance(answer, ServerError) for answer in answers):
            raise PartialAnswersError(answers)
        return [str(answer) for answer in answers]

    rollouts = sorted(run_rollouts(FunctionPolicy(flaky), tools, KEYS, workers=4), key=lambda done: done.key.index)
    assert [bool(rollout.error) for rollout in rollouts] == [key.difficulty > 2 for key in KEYS]
    assert all((rollout.tree is None) == bool(rollout.error) for rollout in rollouts)
    assert all(rollout.tree.root.signal == 1.0 for rollout in rollouts if rollout.tree)


def test_a_server_that_fails_later_excludes_all_that_remain(tools: Setup, solver: Any) -> None:
    num_calls = 0

    def dying(turns: Sequence[Turn]) -> list[str]:
        nonlocal num_calls
        num_calls += 1
        if num_calls > 2:
            raise ServerError("gone")
        return list(solver(turns))

    rollouts = list(run_rollouts(FunctionPolicy(dying), tools, KEYS, workers=4))
    assert {rollout.error for rollout in rollouts} == {"", "gone"}
    assert len(rollouts) == len(KEYS)


def test_a_server_that_never_answers_is_an_error(tools: Setup) -> None:
    def down(_turns: Sequence[Turn]) -> list[str]:
        raise ServerError("nobody there")

    with pytest.raises(ServerError, match="nobody there"):
        list(run_rollouts(FunctionPolicy(down), tools, KEYS))


@pytest.mark.parametrize("workers", [0, -1, None, 2.5, True])
def test_workers_out_of_range_are_named(tools: Setup, workers: Any) -> None:
    with pytest.raises(InvalidValueError, match="workers must be"):
        list(run_rollouts(RandomPolicy(), tools, KEYS, workers=workers))


def test_a_window_that_cannot_hold_a_task_is_an_error_unless_such_tasks_are_skipped(counting_id: str) -> None:
    built = make_setup(counting_id, actions="tools", window=50)
    with pytest.raises(WindowTooSmallError, match="window=50"):
        list(run_rollouts(RandomPolicy(), built, KEYS))
    rollouts = list(run_rollouts(RandomPolicy(), built, KEYS, skip_misfits=True))
    assert [rollout.key for rollout in rollouts] == KEYS
    assert all("window=50" in rollout.error and not rollout.fits and rollout.tree is None for rollout in rollouts)
