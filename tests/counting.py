"""A tiny family for tests: sum a tuple of numbers; a child gets a part of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import gymnasium

from rao_gym import register
from rao_gym.actions import write_call, write_cell
from rao_gym.jsonable import JSON
from rao_gym.policies.base import FunctionPolicy, Policy, Turn
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import LaunchRefusedError, Task, TaskFamily, rng
from rao_gym.tools import FINISH, LAUNCH, Parameter, ToolError, ToolResult, ToolSpec

Numbers = tuple[int, ...]


class Counting(TaskFamily[Numbers]):
    """Sum numbers; `peek` shows one of them, `launch_subagent(goal, start, end)` passes on a slice."""

    id = "test/Counting-v0"
    launch_parameters = (Parameter("start", "integer", "First."), Parameter("end", "integer", "After last."))

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[Numbers]:
        numbers = tuple(int(n) for n in rng(seed, split, index, difficulty).integers(1, 10, size=2**difficulty))
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal="Sum the numbers.",
            answer=sum(numbers),
            provenance="computed",
            parameters={"size": len(numbers)},
        )
        return Task(record=record, context=numbers)

    def rules(self, *, recursive: bool) -> str:
        return "You sum numbers." + (" You may delegate." if recursive else "")

    def opening(self, agent: Agent[Numbers]) -> str:
        return f"{agent.goal} There are {len(agent.context)}."

    def tool_specs(self) -> Sequence[ToolSpec]:
        return (ToolSpec("peek", "Show a number.", (Parameter("index", "integer", "Which."),)),)

    def call_tool(self, name: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> ToolResult:
        context = agent.context
        if not 0 <= arguments["index"] < len(context):
            raise ToolError(f"index must be in 0..{len(context) - 1}")
        return ToolResult(shown=f"number {context[arguments['index']]}", value=context[arguments["index"]])

    def variables(self, agent: Agent[Numbers]) -> Mapping[str, Any]:
        return {"size": len(agent.context)}

    def delegate(self, goal: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> tuple[str, Numbers]:
        part = agent.context[arguments["start"] : arguments["end"]]
        if not part:
            raise LaunchRefusedError("the part is empty")
        return goal, part

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> float | None:
        if agent.goal != "Sum the numbers.":
            return None
        return float(value == sum(agent.context))

    def reference_policy(self) -> Policy:
        return FunctionPolicy(lambda turns: [_sum(turn, delegate=True) for turn in turns])

    def single_policy(self) -> Policy:
        return FunctionPolicy(lambda turns: [_sum(turn, delegate=False) for turn in turns])


def call(name: str, **arguments: Any) -> str:
    """Return a tool call as the `tools` action form takes it."""
    return write_call(name, **arguments)


def cell(code: str) -> str:
    """Return code as the `python` action form takes it."""
    return write_cell(code)


def _sum(turn: Turn, *, delegate: bool) -> str:
    """Act as one who knows how: more than two numbers are halved and given away, fewer are looked at."""
    size = int(re.findall(r"There are (\d+)", turn.messages[1]["content"])[0])
    parts = [(0, size // 2), (size // 2, size)] if delegate and size > 2 else []
    if turn.actions == "python":
        launches = ", ".join(f"{LAUNCH}('Sum the numbers.', {start}, {end})" for start, end in parts)
        return cell(
            f"finish(sum(await asyncio.gather({launches})))" if parts else "finish(sum([peek(i) for i in range(size)]))"
        )
    if len(turn.messages) > 2:
        values = re.findall(r"<tool_response>\n(?:number )?(\d+)", turn.messages[-1]["content"])
        return call(FINISH, answer=sum(map(int, values)))
    if parts:
        return "".join(call(LAUNCH, goal="Sum the numbers.", start=start, end=end) for start, end in parts)
    return "".join(call("peek", index=index) for index in range(size))


@contextmanager
def registered(family: str = "counting:Counting", id: str = Counting.id) -> Iterator[str]:
    """Register a family of the tests for as long as the context lasts."""
    register(id, family)
    try:
        yield id
    finally:
        del gymnasium.registry[id]


def scripted(script: Mapping[str, Sequence[str]]) -> Policy:
    """Answer each agent's turns with its lines of the script, in order."""

    def act(turns: Sequence[Turn]) -> list[str]:
        return [dict(enumerate(script[turn.agent])).get((len(turn.messages) - 2) // 2, "") for turn in turns]

    return FunctionPolicy(act)
