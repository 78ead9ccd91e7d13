"""Worlds: what the agents of one rollout share, who did what in it, and when it is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from counting import Counting, Numbers, call

from rao_gym.envs.source import EpisodeSource
from rao_gym.errors import FamilyError, InvalidValueError
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits
from rao_gym.registry import Setup, setup_of
from rao_gym.runtime import Runtime
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Received, Task
from rao_gym.tasks.world import Entry, Ledger, World
from rao_gym.tools import FINISH, LAUNCH, Parameter, ToolResult, ToolSpec


class Board(World):
    """A board on which all agents write."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.num_closed = 0

    def close(self) -> None:
        self.num_closed += 1


@dataclass(frozen=True)
class Line:
    """A deed: a line on the board, and the context of its author at that moment."""

    text: str
    context: Numbers


class Writing(Counting):
    """`Counting` with a board; `write` puts a line on it and takes the first number from the writer's context."""

    def __init__(self) -> None:
        self.boards: list[Board] = []

    def open_world(self, task: Task[Numbers]) -> Board:
        self.boards.append(Board())
        return self.boards[-1]

    def tool_specs(self) -> Sequence[ToolSpec]:
        return (*super().tool_specs(), ToolSpec("write", "Write a line.", (Parameter("text", "string", "It."),)))

    def opening(self, agent: Agent[Numbers]) -> str:
        return f"{super().opening(agent)} Lines on the board: {len(agent.world.lines)}."

    def call_tool(self, name: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> ToolResult:
        if name != "write":
            return super().call_tool(name, agent, arguments)
        agent.world.lines.append(f"{agent.name} (of {agent.parent}, depth {agent.depth}): {arguments['text']}")
        agent.world.ledger.write(agent, Line(arguments["text"], agent.context))
        return ToolResult(shown="\n".join(agent.world.lines), context=agent.context[1:])

    def delegate(self, goal: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> tuple[str, Numbers]:
        agent.world.lines.append(f"{agent.name} delegates")
        return super().delegate(goal, agent, arguments)

    def receive(self, agent: Agent[Numbers], arguments: Mapping[str, JSON], value: Any) -> Received[Numbers]:
        agent.world.lines.append(f"{agent.name} receives {value}")
        return super().receive(agent, arguments, value)

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> float | None:
        return min(1.0, len(agent.world.ledger.under(agent)) / 2)


def new(family: Writing, limits: Limits | None = None) -> Runtime[Numbers]:
    runtime = Runtime(family, limits, "tools")
    runtime.reset(seed=0, difficulty=3)
    return runtime


def launch(start: int, end: int) -> str:
    return call(LAUNCH, goal="Sum the numbers.", start=start, end=end)


def test_tools_know_their_caller_and_the_ledger_knows_for_whom_they_worked() -> None:
    family = Writing()
    runtime = new(family)
    root = runtime.tree.root
    runtime.act(root, call("write", text="a") + launch(0, 4) + launch(4, 6))
    first, second = root.children
    assert "Lines on the board: 2." in first.messages[1]["content"]
    runtime.act(first, call("write", text="b"))
    runtime.act(second, call(FINISH, answer=7))
    runtime.act(first, call(FINISH, answer=0))
    runtime.act(root, call(FINISH, answer=0))
    (board,) = family.boards
    assert board.lines == [
        "root (of None, depth 0): a",
        "root delegates",
        "root delegates",
        "root.0 (of root, depth 1): b",
        "root receives 0",
        "root receives 7",
    ]
    assert [(entry.agent, entry.deed.text) for entry in board.ledger.entries] == [("root", "a"), ("root.0", "b")]
    assert [deed.text for deed in board.ledger.by("root")] == ["a"]
    assert [deed.text for deed in board.ledger.under("root")] == ["a", "b"]
    assert [node.signal for node in (root, first, second)] == [1.0, 0.5, 0.0]


def test_a_tool_can_change_the_context_of_its_caller_alone() -> None:
    family = Writing()
    runtime = new(family)
    numbers = runtime.task.context
    root = runtime.tree.root
    runtime.act(root, call("write", text="a") + call("peek", index=0) + launch(0, 3))
    runtime.act(root.children[0], call("write", text="b") + call("peek", index=0) + call(FINISH, answer=0))
    runtime.act(root, call("write", text="c"))
    contexts = [entry.deed.context for entry in family.boards[0].ledger.entries]
    assert contexts == [numbers, numbers[1:4], numbers[1:]]
    assert f"number {numbers[1]}" in root.messages[3]["content"]
    assert runtime.task.context == numbers


def test_a_ledger_by_hand() -> None:
    ledger: Ledger[str] = Ledger()
    root = Agent(goal="", context=None)
    child = Agent(name="root.1", parent="root", depth=1, goal="", context=None)
    grandchild = Agent(name="root.1.0", parent="root.1", depth=2, goal="", context=None)
    other = Agent(name="root.10", parent="root", depth=1, goal="", context=None)
    for agent, deed in ((grandchild, "a"), (root, "b"), (other, "c"), (child, "d")):
        ledger.write(agent, deed)
    assert ledger.entries[0] == Entry("root.1.0", "a")
    assert ledger.by(child) == ("d",)
    assert ledger.under(child) == ("a", "d")
    assert ledger.under(root) == ("a", "b", "c", "d")
    assert ledger.under("root.2") == ()


def test_two_rollouts_of_one_task_have_a_world_each() -> None:
    family = Writing()
    runtime, other = new(family), Runtime(family, actions="tools")
    other.start(runtime.task)
    runtime.act(runtime.tree.root, call("write", text="a"))
    assert [len(board.lines) for board in family.boards] == [1, 0]
    assert runtime.world is family.boards[0]
    assert other.world is family.boards[1]
    assert Runtime(Counting()).world is None


def closed(family: Writing) -> list[int]:
    return [board.num_closed for board in family.boards]


def test_a_world_is_closed_once_when_its_rollout_ends_or_is_given_up() -> None:
    family = Writing()
    runtime = new(family)
    assert closed(family) == [0]
    runtime.act(runtime.tree.root, call(FINISH, answer=0))
    assert closed(family) == [1]
    runtime.reset(seed=0)
    runtime.reset(seed=1)
    assert closed(family) == [1, 1, 0]
    runtime.release()
    assert list(runtime.ready) == []
    assert closed(family) == [1, 1, 1]
    runtime.reset(seed=0)
    runtime.close()
    runtime.close()
    assert closed(family) == [1, 1, 1, 1]


def test_a_world_is_closed_when_its_rollout_cannot_begin() -> None:
    family = Writing()
    with pytest.raises(InvalidValueError, match="cannot hold the opening"):
        new(family, Limits(window=50))
    assert closed(family) == [1]


class Failing(Writing):
    """Has a mistake in one method."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    def _fail(self, method: str) -> None:
        if self.method == method:
            raise RuntimeError(f"a mistake in {method}")

    def opening(self, agent: Agent[Numbers]) -> str:
        self._fail("opening" if agent.parent is None else "opening of a child")
        return super().opening(agent)

    def call_tool(self, name: str, agent: Agent[Numbers], arguments: Mapping[str, Any]) -> ToolResult:
        self._fail("call_tool")
        return super().call_tool(name, agent, arguments)

    def verify(self, task: Task[Numbers], agent: Agent[Numbers], value: JSON) -> float | None:
        self._fail("verify")
        return super().verify(task, agent, value)


def play(runtime: Runtime[Numbers]) -> None:
    """Call every method of the family."""
    runtime.reset(seed=0)
    runtime.act(runtime.tree.root, launch(0, 1) + launch(0, 1))
    for child in runtime.tree.root.children:
        runtime.act(child, call("write", text="a"))
        runtime.act(child, call(FINISH, answer=0))


@pytest.mark.parametrize("method", ["opening", "opening of a child", "call_tool", "verify"])
def test_a_world_is_closed_when_the_family_fails(method: str) -> None:
    family = Failing(method)
    runtime = Runtime(family, actions="tools")
    with pytest.raises(RuntimeError, match=f"a mistake in {method}"):
        play(runtime)
    assert closed(family) == [1]
    assert list(runtime.ready) == []
    family.method = ""
    runtime.reset(seed=0)
    assert closed(family) == [1, 0]


def test_an_environment_closes_the_world_of_an_episode_that_it_leaves() -> None:
    setup: Setup = setup_of(Writing, actions="tools")
    family = setup.family
    assert isinstance(family, Writing)
    source = EpisodeSource(setup, None)
    source.begin(0, None, strict=True)
    left = source.runtime.tree
    source.begin(1, None, strict=True)
    assert closed(family) == [1, 0]
    assert not left.root.ended
    source.close()
    assert closed(family) == [1, 1]


class BareWorld(Counting):
    """Returns a world that is none."""

    def open_world(self, task: Task[Numbers]) -> Any:
        return {"stock": 3}


def test_a_world_is_a_world() -> None:
    with pytest.raises(FamilyError, match=r"test/Counting-v0: open_world must return .*World or None, got \{'stock'"):
        Runtime(BareWorld()).reset(seed=0)
