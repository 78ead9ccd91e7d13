"""Call a family and check that its results keep the contract.

Families are user code, and a NumPy number or a missing `return` would otherwise surface an episode later, in a tree
that cannot be stored. Here, such results are converted, or refused with the name of the method that returned them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from reprlib import Repr
from typing import Any, Generic, NoReturn

import numpy as np

from rao_gym.errors import FamilyError
from rao_gym.jsonable import JSON, MAX_NESTING, check_extent, printable, to_json_value
from rao_gym.rewards import as_signal
from rao_gym.tasks.agent import Agent, ContextT
from rao_gym.tasks.base import Received, Task, TaskFamily
from rao_gym.tasks.world import World
from rao_gym.tools import FINISH, LAUNCH, ToolResult, ToolSpec
from rao_gym.tree import TaskRecord

_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
_MAX_SHOWN = 80
_SHORT = Repr()  # does not follow a value that has no end
_SHORT.maxstring = _SHORT.maxother = _MAX_SHOWN

MAX_FAMILY_NESTING = 2 * MAX_NESTING
"""Levels of what a family hands to agents: it may wrap what an agent handed over, which has up to `MAX_NESTING`."""


class Contract(Generic[ContextT]):
    """Calls one family, and checks it against the contract of `TaskFamily`.

    Every method calls the family's method of the same name and raises `FamilyError` if the result breaks the contract.

    Args:
        family: The family.
    """

    def __init__(self, family: TaskFamily[ContextT]) -> None:
        self._family = family

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[ContextT]:
        """Return a task of the family."""
        return self.task(self._family.sample(seed, split, index, difficulty))

    def task(self, task: Task[ContextT]) -> Task[ContextT]:
        """Return `task` with a record of plain data."""
        if not isinstance(task, Task) or not isinstance(task.record, TaskRecord):
            self._refuse("sample", "a Task with a TaskRecord", task)
        record = task.record
        for name in ("id", "family", "split", "goal", "provenance"):
            if not isinstance(getattr(record, name), str):
                self._refuse("sample", f"a record whose {name} is text", getattr(record, name))
        for name in ("seed", "index", "difficulty"):
            if isinstance(getattr(record, name), bool) or not isinstance(getattr(record, name), int | np.integer):
                self._refuse("sample", f"a record whose {name} is an integer", getattr(record, name))
        if not isinstance(record.parameters, dict):
            self._refuse("sample", "a record whose parameters are a dictionary", record.parameters)
        plain = TaskRecord(
            id=printable(record.id),
            family=record.family,
            seed=int(record.seed),
            split=record.split,
            index=int(record.index),
            difficulty=int(record.difficulty),
            goal=printable(record.goal),
            answer=self._json("answer", record.answer),
            provenance=printable(record.provenance),
            parameters={str(name): self._json("parameters", value) for name, value in record.parameters.items()},
        )
        return replace(task, record=plain)

    def open_world(self, task: Task[ContextT]) -> World | None:
        """Return the world of a new rollout; None if the family has none."""
        world: object = self._family.open_world(task)
        if world is not None and (not isinstance(world, World) or not hasattr(world, "ledger")):
            self._refuse("open_world", "an initialized World or None", world)
        return world

    def rules(self, *, recursive: bool) -> str:
        """Return the family's part of the system message."""
        return self._text("rules", self._family.rules(recursive=recursive))

    def tool_specs(self) -> tuple[ToolSpec, ...]:
        """Return the family's own tools."""
        specs: object = self._family.tool_specs()
        if not isinstance(specs, Sequence) or not all(isinstance(spec, ToolSpec) for spec in specs):
            self._refuse("tool_specs", "a sequence of ToolSpec", specs)
        names = [LAUNCH, FINISH, *(spec.name for spec in specs)]
        for name in names:
            if names.count(name) > 1:
                self._refuse("tool_specs", f"names that differ from each other, {LAUNCH} and {FINISH}", name)
        return tuple(specs)

    def opening(self, agent: Agent[ContextT]) -> str:
        """Return a new agent's first user message."""
        return self._text("opening", self._family.opening(agent))

    def variables(self, agent: Agent[ContextT]) -> dict[str, Any]:
        """Return the variables that a new agent's Python session starts with."""
        variables: object = self._family.variables(agent)
        if not isinstance(variables, Mapping) or not all(isinstance(name, str) for name in variables):
            self._refuse("variables", "a mapping from names to values", variables)
        return {name: self._value("variables", value) for name, value in variables.items()}

    def call_tool(self, name: str, agent: Agent[ContextT], arguments: Mapping[str, Any]) -> ToolResult:
        """Execute a tool call.

        Raises:
            ToolError: The call cannot be executed.
        """
        result: object = self._family.call_tool(name, agent, arguments)
        if not isinstance(result, ToolResult) or not isinstance(result.shown, str):
            self._refuse("call_tool", "a ToolResult that shows text", result)
        shown, value = printable(result.shown), self._value("call_tool", result.value)
        return ToolResult(value=value, shown=shown, context=result.context)

    def delegate(self, goal: str, agent: Agent[ContextT], arguments: Mapping[str, Any]) -> tuple[str, ContextT]:
        """Return the goal and context of a child.

        Raises:
            LaunchRefusedError: The launch cannot be allowed.
        """
        given: object = self._family.delegate(goal, agent, arguments)
        if not isinstance(given, tuple) or len(given) != 2 or not isinstance(given[0], str):  # a pair
            self._refuse("delegate", "a goal and a context", given)
        return printable(given[0]), given[1]

    def divisible(self, agent: Agent[ContextT]) -> bool | None:
        """Return whether a new agent's work has parts; None if the family does not say."""
        divisible: object = self._family.divisible(agent)
        if divisible is None or isinstance(divisible, bool | np.bool_):
            return None if divisible is None else bool(divisible)
        return self._refuse("divisible", "True, False or None", divisible)

    def receive(self, agent: Agent[ContextT], arguments: Mapping[str, JSON], value: Any) -> Received[ContextT]:
        """Return what a parent gets from a child that finished with `value`."""
        received: object = self._family.receive(agent, arguments, value)
        if not isinstance(received, Received):
            self._refuse("receive", "a Received", received)
        if received.value is value:
            return received
        return replace(received, value=self._value("receive", received.value))

    def verify(self, task: Task[ContextT], agent: Agent[ContextT], value: JSON) -> float | None:
        """Return the success signal of an answer, in [0, 1]; None if it is unknown."""
        signal: object = self._family.verify(task, agent, value)
        if signal is None or (checked := as_signal(signal)) is not None:
            return None if signal is None else checked
        return self._refuse("verify", "a number in [0, 1] or None", signal)

    def part_of(
        self,
        task: Task[ContextT],
        parent: Agent[ContextT],
        child: Agent[ContextT],
        siblings: Sequence[Agent[ContextT]],
    ) -> bool | float | None:
        """Tell whether a child's work is a part of its parent's, or which share of it; None if it is unknown."""
        answer: object = self._family.part_of(task, parent, child, siblings)
        if answer is None or isinstance(answer, bool | np.bool_):
            return None if answer is None else bool(answer)
        if isinstance(answer, float | np.floating) and 0 <= answer <= 1:
            return float(answer)
        return self._refuse("part_of", "a share in [0.0, 1.0], True, False or None", answer)

    def _text(self, method: str, text: object) -> str:
        """Check that a method returned text."""
        return printable(text) if isinstance(text, str) else self._refuse(method, "text", text)

    def _value(self, method: str, value: Any) -> Any:
        """Return a value for an agent, with NumPy numbers and arrays converted to Python ones."""
        if type(value) in _PLAIN:
            return value
        try:
            check_extent(value, max_nesting=MAX_FAMILY_NESTING)
        except ValueError as error:
            self._refuse(method, str(error), value)
        return self._plain(method, value)

    def _json(self, field: str, value: Any) -> JSON:
        """Return a value of a task's record in JSON form."""
        try:
            check_extent(value)
        except ValueError as error:
            self._refuse("sample", f"a record with {error} in its {field}", value)
        return to_json_value(value)

    def _plain(self, method: str, value: Any) -> Any:
        """Return a value of bounded extent, with NumPy's numbers and arrays as Python's."""
        if type(value) in _PLAIN:
            return value
        if isinstance(value, np.generic | np.ndarray):
            return self._plain(method, value.tolist())
        if isinstance(value, dict):
            return {self._plain(method, key): self._plain(method, item) for key, item in value.items()}
        for kind in (int, float, str):
            if isinstance(value, kind):
                return kind(value)
        for container in (list, tuple, set, frozenset):
            if isinstance(value, container):
                return container(self._plain(method, item) for item in value)
        return self._refuse(method, "plain values (None, numbers, text, lists, tuples, sets, dictionaries)", value)

    def _refuse(self, method: str, expected: str, got: object) -> NoReturn:
        """Raise the error that names the family and the method.

        Raises:
            FamilyError: Always.
        """
        shown = _SHORT.repr(got)
        shown = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."
        raise FamilyError(f"{self._family.id}: {method} must return {expected}, got {shown}.")
