"""A family may derive the goals of children from what a launch passes, so that the launch needs none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from counting import Counting, Numbers, scripted

from rao_gym import Runtime
from rao_gym.actions import ACTION_FORMS
from rao_gym.runtime import turn_of
from rao_gym.tasks.agent import Agent
from rao_gym.tools import LAUNCH
from rao_gym.tree import ExecutionTree


class CountingParts(Counting):
    """`Counting` whose launches may leave out the goal."""

    goal_optional = True

    def delegate(self, goal: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> tuple[str, Numbers]:
        return super().delegate(goal or "Sum the numbers.", agent, arguments)


LAUNCH_WITHOUT_GOAL = {
    "tools": '<tool_call>{"name": "launch_subagent", "arguments": {"start": 0, "end": 1}}</tool_call>',
    "python": "```python\nprint(await launch_subagent(start=0, end=1))\n```",
}
FINISH = {
    "tools": '<tool_call>{"name": "finish", "arguments": {"answer": 5}}</tool_call>',
    "python": "```python\nfinish(5)\n```",
}


def play(family: Counting, actions: str) -> ExecutionTree:
    runtime = Runtime(family, actions=actions)
    policy = scripted({"root": [LAUNCH_WITHOUT_GOAL[actions], FINISH[actions]], "root.0": [FINISH[actions]]})
    runtime.reset(0)
    while not runtime.done:
        node = next(iter(runtime.ready))
        runtime.act(node, policy.act([turn_of(runtime, node)])[0])
    runtime.close()
    return runtime.tree


@pytest.mark.parametrize("actions", ACTION_FORMS)
def test_the_family_derives_the_goal_of_a_launch_without_one(actions: str) -> None:
    tree = play(CountingParts(), actions)
    assert [child.goal for child in tree.root.children] == ["Sum the numbers."]
    assert tree.root.children[0].arguments == {"start": 0, "end": 1}
    assert tree.root.refusals == 0


@pytest.mark.parametrize("actions", ACTION_FORMS)
def test_other_families_still_require_a_goal(actions: str) -> None:
    tree = play(Counting(), actions)
    assert tree.root.children == []
    assert tree.root.refusals == (1 if actions == "python" else 0)
    assert "needs 'goal'" in tree.root.messages[3]["content"]


@pytest.mark.parametrize(
    ("family", "required"), [(CountingParts(), ["start", "end"]), (Counting(), ["goal", "start", "end"])]
)
def test_the_tool_says_whether_the_goal_is_required(family: Counting, required: list[str]) -> None:
    spec = next(spec for spec in Runtime(family, actions="tools").tool_specs if spec.name == LAUNCH)
    assert [parameter.name for parameter in spec.parameters] == ["goal", "start", "end"]
    assert spec.schema()["function"]["parameters"]["required"] == required
