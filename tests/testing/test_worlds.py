"""That the kit passes a family with a shared world, and refuses the mistakes that such families make."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from counting import Counting, Numbers, registered

from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task
from rao_gym.testing import ConformanceError, check_family, check_idle_children, check_isolation
from rao_gym.testing.fingerprint import fingerprint
from rao_gym.tools import ToolResult

PAGE = Path(__file__).parents[2] / "docs" / "writing_a_family.md"


def orchard() -> Any:
    """Return the family of the page on writing families."""
    block = re.search(r'```python title="orchard.py"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    module = ModuleType("orchard")
    exec(compile(block[1].partition("\nregister(")[0], "orchard.py", "exec"), module.__dict__)
    return module.Orchard


Orchard: Any = orchard()


class OneWorld(Orchard):  # type: ignore[misc]
    """Opens one world for every rollout of a task."""

    worlds: dict[str, Any] = {}  # noqa: RUF012  # the mistake to be found

    def open_world(self, task: Task[Any]) -> Any:
        return self.worlds.setdefault(task.record.id, super().open_world(task))


class SharedTrees(Orchard):  # type: ignore[misc]
    """Opens worlds that share their trees."""

    trees: set[int] = set()  # noqa: RUF012  # the mistake to be found

    def open_world(self, task: Task[Any]) -> Any:
        world = super().open_world(task)
        self.trees |= world.unpicked
        world.unpicked = self.trees
        return world


class InPlace(Orchard):  # type: ignore[misc]
    """Changes the caller's context in place."""

    def delegate(self, goal: str, agent: Agent[Any], arguments: Mapping[str, Any]) -> tuple[str, Any]:
        goal, trees = super().delegate(goal, agent, arguments)
        return goal, list(trees)

    def call_tool(self, name: str, agent: Agent[Any], arguments: Mapping[str, Any]) -> ToolResult:
        result: ToolResult = super().call_tool(name, agent, arguments)
        agent.context.remove(arguments["tree"])
        return ToolResult(shown=result.shown)


class ByState(Orchard):  # type: ignore[misc]
    """Pays by the state of the world."""

    def verify(self, task: Task[Any], agent: Agent[Any], value: Any) -> float:
        return float(not set(agent.context) & agent.world.unpicked)


def check_sharing(id: str) -> None:
    """Run the checks of what agents and rollouts share."""
    check_isolation(id, difficulties=(2, 3))
    check_idle_children(id, difficulties=(2, 3))


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Any:
    """Register a family for one test and return its id."""
    with registered(f"{__name__}:{request.param.__name__}", "test/Shared-v0") as id:
        yield id


@pytest.mark.parametrize("family", [Orchard], indirect=True)
def test_a_sound_family_with_a_world_passes(family: str) -> None:
    check_isolation(family)
    check_idle_children(family, difficulties=(1, 2, 3))


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        (OneWorld, "open_world gave two rollouts the same world"),
        (SharedTrees, "playing one rollout changed the world of another"),
        (InPlace, r"call_tool changed the context of root[.\d]* in place"),
        (ByState, r"root\.\d did nothing and has the signal 1\.0, for what root\.\d did"),
    ],
    indirect=["family"],
)
def test_each_mistake_is_refused_for_its_own_reason(family: str, reason: str) -> None:
    with pytest.raises(ConformanceError, match=reason):
        check_sharing(family)


class Sorting(Counting):
    """Sorts a child's numbers where they lie."""

    def delegate(self, goal: str, agent: Agent[Any], arguments: Mapping[str, Any]) -> tuple[str, Any]:
        return goal, list(super().delegate(goal, agent, arguments)[1])

    def opening(self, agent: Agent[Any]) -> str:
        if isinstance(agent.context, list):
            agent.context.append(0)
        return super().opening(agent)


class Listening(Counting):
    """Tells each agent how many were opened before it."""

    num_opened = 0

    def opening(self, agent: Agent[Numbers]) -> str:
        type(self).num_opened += agent.depth > 1
        return f"{super().opening(agent)} {self.num_opened if agent.depth > 1 else ''}"


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        (Sorting, "opening changed the context of root.0 in place"),
        (Listening, "starting the same task again gave another tree|children acting in the opposite order"),
    ],
    indirect=["family"],
)
def test_what_agents_without_a_world_share_is_found(family: str, reason: str) -> None:
    with pytest.raises(ConformanceError, match=reason):
        check_isolation(family, difficulties=(3,))


def test_fingerprints_tell_contents_apart_whatever_they_are_made_of() -> None:
    class Plain:
        def __init__(self, value: Any) -> None:
            self.value = value

    same = [fingerprint(Plain({1: Plain([2])})) for _ in range(2)]
    assert same[0] == same[1] != fingerprint(Plain({1: Plain([3])}))
    cycle: list[Any] = []
    cycle.append(Plain(cycle))
    assert fingerprint(cycle) == fingerprint(cycle)


@pytest.mark.slow
@pytest.mark.parametrize("family", [Orchard], indirect=True)
def test_the_orchard_passes_every_check(family: str) -> None:
    check_family(family, difficulties=(1, 2))
