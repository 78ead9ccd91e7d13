"""The scripted policies: they solve every difficulty, in both forms and both ways of launching."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest
from crafting import task_of

from rao_gym import Runtime, make_setup
from rao_gym.evaluation.rollouts import run_rollouts
from rao_gym.policies.base import Policy
from rao_gym.runtime import turn_of
from rao_gym.tasks.textcraft import RecursivePolicy, SinglePolicy, TextCraft
from rao_gym.testing.cases import task_keys
from rao_gym.testing.isolation import play as play_on
from rao_gym.tree import ExecutionTree

ID = "rao/TextCraft-v0"


def play(policy: Policy, difficulty: int, num_tasks: int = 3, **options: Any) -> list[ExecutionTree]:
    """Play some tasks, and return the trees."""
    rollouts = run_rollouts(policy, make_setup(ID, **options), task_keys([difficulty], num_tasks))
    return [rollout.tree for rollout in rollouts if rollout.tree is not None]


def success(trees: list[ExecutionTree]) -> float:
    """Return the mean signal of the roots."""
    return fmean(tree.root.signal or 0.0 for tree in trees)


@pytest.mark.parametrize("difficulty", range(1, 11))
def test_the_reference_solves_every_difficulty(difficulty: int) -> None:
    trees = play(RecursivePolicy(), difficulty, slack=0.0, actions="tools")
    assert success(trees) == 1.0
    assert all(node.signal == 1.0 for tree in trees for node in tree.nodes)


@pytest.mark.slow
@pytest.mark.parametrize("difficulty", [*range(1, 11), 14, 20])
def test_the_reference_solves_many_tasks_of_every_difficulty(difficulty: int) -> None:
    assert success(play(RecursivePolicy(), difficulty, 100 if difficulty <= 10 else 2, actions="tools")) >= 0.99


@pytest.mark.parametrize("actions", ["python", "tools"])
@pytest.mark.parametrize("options", [{"targets": 3}, {"ingredients": 6}, {"names": "meaningful"}, {"levels": 4}])
def test_the_reference_copes_with_every_option(options: dict[str, Any], actions: str) -> None:
    assert success(play(RecursivePolicy(), 4, actions=actions, **options)) == 1.0


@pytest.mark.parametrize("actions", ["python", "tools"])
def test_launches_by_name_and_written_out_grow_the_same_tree(actions: str) -> None:
    named, written = (play(RecursivePolicy(written=written), 5, actions=actions) for written in (False, True))
    for one, other in zip(named, written, strict=True):
        assert [(node.name, node.goal, node.signal, node.part) for node in one.nodes] == [
            (node.name, node.goal, node.signal, node.part) for node in other.nodes
        ]


@pytest.mark.parametrize("options", [{"max_depth": 1}, {"max_nodes": 3}, {"max_children": 1}])
def test_the_reference_makes_itself_what_it_cannot_delegate(options: dict[str, Any]) -> None:
    assert success(play(RecursivePolicy(), 4, max_turns=25, **options)) == 1.0


def test_alone_the_same_skill_runs_out_of_turns() -> None:
    easy, hard = (play(SinglePolicy(), difficulty, 8, recursive=False) for difficulty in (2, 8))
    assert success(easy) == 1.0
    assert success(hard) == 0.0
    assert success(play(SinglePolicy(), 8, 2, recursive=False, max_turns=None, window=None)) == 1.0


def test_policies_write_no_more_than_four_calls_a_turn() -> None:
    trees = play(RecursivePolicy(), 5, ingredients=6, actions="tools") + play(SinglePolicy(), 5, actions="tools")
    actions = [message["content"] for tree in trees for node in tree.nodes for message in node.messages[2::2]]
    assert max(action.count("<tool_call>") for action in actions) == 4


def test_a_policy_that_lacks_material_gives_up() -> None:
    runtime = Runtime(TextCraft(), actions="tools")
    root = runtime.start(task_of({"table": 1}, {"nail": 1}))
    play_on(runtime, SinglePolicy())
    assert (root.signal, root.value) == (0.0, "I could not craft everything.")


def test_transcripts_of_other_families_are_refused() -> None:
    other = make_setup("rao/Arithmetic-v0").runtime()
    other.reset(0, 1)
    with pytest.raises(ValueError, match="not a crafting transcript"):
        SinglePolicy().act([turn_of(other, other.tree.root)])
