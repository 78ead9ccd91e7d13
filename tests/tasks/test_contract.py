"""What a family returns is converted to plain values, or refused at once, by family and method."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from counting import Counting, Numbers, call, cell

from rao_gym.errors import FamilyError, RaoError
from rao_gym.jsonable import JSON, MAX_NESTING
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Received, Task
from rao_gym.tools import FINISH, LAUNCH, ToolResult, ToolSpec


class Returning(Counting):
    """Returns from one method whatever it is told to."""

    def __init__(self, method: str, value: Any) -> None:
        self.method, self.value = method, value

    def _or(self, method: str, value: Any) -> Any:
        return self.value if self.method == method else value

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Any:
        task = super().sample(seed, split, index, difficulty)
        if self.method.startswith("record."):
            object.__setattr__(task.record, self.method.removeprefix("record."), self.value)
        return self._or("sample", task)

    def rules(self, *, recursive: bool) -> Any:
        return self._or("rules", super().rules(recursive=recursive))

    def tool_specs(self) -> Any:
        return self._or("tool_specs", super().tool_specs())

    def opening(self, agent: Agent[Numbers]) -> Any:
        return self._or("opening", super().opening(agent))

    def variables(self, agent: Agent[Numbers]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._or("variables", super().variables(agent))
        return found

    def call_tool(self, name: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> Any:
        return self._or("call_tool", super().call_tool(name, agent, arguments))

    def delegate(self, goal: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> Any:
        return self._or("delegate", super().delegate(goal, agent, arguments))

    def receive(self, agent: Agent[Numbers], arguments: Mapping[str, JSON], value: Any) -> Any:
        return self._or("receive", super().receive(agent, arguments, value))

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> Any:
        return self._or("verify", super().verify(task, agent, value))

    def part_of(
        self,
        task: Task[Numbers],
        parent: Agent[Numbers],
        child: Agent[Numbers],
        siblings: Sequence[Agent[Numbers]],
    ) -> Any:
        return self._or("part_of", super().part_of(task, parent, child, siblings))


def play(family: Counting) -> Runtime[Numbers]:
    """Call a tool, launch a child that finishes, and finish."""
    runtime = Runtime(family, actions="tools")
    root = runtime.reset(seed=0)
    runtime.act(root, call("peek", index=0) + call(LAUNCH, goal="Sum the numbers.", start=0, end=1))
    runtime.act(root.children[0], call(FINISH, answer=1))
    runtime.act(root, call(FINISH, answer=1))
    return runtime


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("returned", "signal"),
    [(np.bool_(True), 1.0), (np.float32(0.5), 0.5), (np.int64(0), 0.0), (True, 1.0), (1, 1.0), (None, None)],
)
def test_signals_are_converted(returned: Any, signal: float | None) -> None:
    tree = play(Returning("verify", returned)).tree
    assert tree.root.signal == signal
    assert type(tree.root.signal) in (float, type(None))
    json.loads(tree.to_json())


@pytest.mark.parametrize(
    ("returned", "part"), [(np.bool_(False), False), (True, True), (None, None), (np.float32(0.5), 0.5)]
)
def test_whether_a_child_is_a_part_is_asked_at_launch(returned: Any, part: bool | float | None) -> None:
    assert [node.part for node in play(Returning("part_of", returned)).tree.nodes] == [None, part]


UNFIT: list[tuple[str, Any, str]] = [
    ("verify", 5.0, r"verify must return a number in \[0, 1\] or None, got 5\.0"),
    ("verify", float("nan"), "verify must return .*, got nan"),
    ("verify", -0.1, "verify must return .*, got -0.1"),
    ("verify", "1", "verify must return .*, got '1'"),
    ("verify", np.ones(2), "verify must return .*, got array"),
    ("part_of", "no", r"part_of must return a share in \[0.0, 1.0\], True, False or None, got 'no'"),
    ("part_of", 1.5, "part_of must return a share in .*, got 1.5"),
    ("part_of", float("nan"), "part_of must return a share in .*, got nan"),
    ("sample", None, "sample must return a Task with a TaskRecord, got None"),
    ("record.goal", None, "sample must return a record whose goal is text, got None"),
    ("record.difficulty", "3", "sample must return a record whose difficulty is an integer, got '3'"),
    ("record.parameters", [1], "sample must return a record whose parameters are a dictionary"),
    ("rules", None, "rules must return text, got None"),
    ("tool_specs", ["peek"], "tool_specs must return a sequence of ToolSpec"),
    ("tool_specs", [ToolSpec("finish", "End.")], "tool_specs must return names that differ .*, got 'finish'"),
    ("opening", b"bytes", "opening must return text, got b'bytes'"),
    ("variables", ["size"], "variables must return a mapping from names to values"),
    ("variables", {"size": object()}, "variables must return plain values .*, got <object"),
    ("call_tool", "number 3", "call_tool must return a ToolResult that shows text, got 'number 3'"),
    ("call_tool", ToolResult(shown=3), "call_tool must return a ToolResult that shows text"),  # type: ignore[arg-type]
    ("call_tool", ToolResult(value=[object()]), "call_tool must return plain values"),
    ("delegate", "goal", "delegate must return a goal and a context, got 'goal'"),
    ("delegate", (None, (1,)), "delegate must return a goal and a context"),
    ("receive", 3, "receive must return a Received, got 3"),
    ("receive", Received(value=object(), context=()), "receive must return plain values"),
]


@pytest.mark.parametrize(("method", "returned", "message"), UNFIT)
def test_what_does_not_fit_is_refused_at_once(method: str, returned: Any, message: str) -> None:
    with pytest.raises(FamilyError, match=f"^test/Counting-v0: {message}") as caught:
        play(Returning(method, returned))
    assert isinstance(caught.value, RaoError)
    assert "\n" not in str(caught.value)


def cyclic() -> list[Any]:
    value: list[Any] = [1]
    value += [value, value]
    return value


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def doubled(times: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(times):
        value = {"left": value, "right": value}
    return value


ENDLESS = {
    "cyclic": (cyclic(), "values that do not contain themselves"),
    "deep": (deep(100_000), r"values nested at most \d+ levels deep"),
    "doubled": (doubled(60), "values of at most 10,000,000 parts"),
}


@pytest.mark.parametrize(("value", "message"), ENDLESS.values(), ids=ENDLESS)
def test_values_without_an_end_are_refused_by_name(value: Any, message: str) -> None:
    returned = {
        "record.answer": (value, "sample must return a record with {} in its answer"),
        "record.parameters": ({"size": [value]}, "sample must return a record with {} in its parameters"),
        "variables": ({"given": value}, "variables must return {}"),
        "call_tool": (ToolResult(value=value), "call_tool must return {}"),
        "receive": (Received(value=value, context=(1,)), "receive must return {}"),
        "opening": (value, "opening must return text"),
        "verify": (value, "verify must return a number"),
    }
    for method, (unfit, wanted) in returned.items():
        with pytest.raises(FamilyError, match=f"^test/Counting-v0: {wanted.format(message)}") as caught:
            play(Returning(method, unfit))
        assert len(str(caught.value)) < 250


def test_what_an_agent_handed_over_may_be_wrapped() -> None:
    wrapped = Received(value={"child": deep(MAX_NESTING)}, context=(1,))
    root = play(Returning("receive", wrapped)).tree.root
    assert root.ended
    shared = [deep(20)] * 1000
    assert play(Returning("variables", {"given": shared})).done


def test_records_of_numpy_values_become_plain() -> None:
    plain = {"answer": 7, "parameters": {"sizes": [0, 1, 2]}, "seed": 0}
    for name, returned in (("answer", np.int64(7)), ("parameters", {"sizes": np.arange(3)}), ("seed", np.int64(0))):
        tree = play(Returning(f"record.{name}", returned)).tree
        assert json.loads(tree.to_json())["task"][name] == plain[name]


def test_values_of_numpy_reach_a_cell_as_plain_ones(sandbox: Sandbox) -> None:
    given: Sequence[Any] = (np.int64(3), [np.float64(0.5)], {"a": np.arange(2)}, (np.bool_(True), Colour.RED))
    runtime = Runtime(Returning("variables", {"given": given}), actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0)
    runtime.act(root, cell("print(given)"))
    assert root.messages[-1]["content"] == "(3, [0.5], {'a': [0, 1]}, (True, 'red'))"
    runtime = Runtime(Returning("call_tool", ToolResult(value=given)), actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0)
    runtime.act(root, cell("print(peek(0))"))
    assert root.messages[-1]["content"] == "(3, [0.5], {'a': [0, 1]}, (True, 'red'))"
