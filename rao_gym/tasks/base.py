"""The task-family contract: a family samples tasks, opens nodes, executes tool calls and verifies answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic

import numpy as np

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits
from rao_gym.policies.base import Policy
from rao_gym.tasks.agent import Agent, ContextT
from rao_gym.tasks.content import content_hash
from rao_gym.tasks.world import World
from rao_gym.tools import Parameter, ToolError, ToolResult, ToolSpec
from rao_gym.tree import TaskRecord

SPLITS = ("train", "validation", "test")


class LaunchRefusedError(Exception):
    """A launch that the family cannot allow; the message becomes the launch's result."""


@dataclass(frozen=True, kw_only=True)
class Task(Generic[ContextT]):
    """One instance of a family.

    Attributes:
        record: All plain data about the task.
        context: The root's context.
    """

    record: TaskRecord
    context: ContextT = field(repr=False)

    @property
    def goal(self) -> str:
        """The root's goal."""
        return self.record.goal

    @property
    def content_hash(self) -> str:
        """The hash of everything that the root gets and that its answer is checked against.

        Raises:
            InvalidValueError: The context holds a value that cannot be hashed.
        """
        record = self.record
        return content_hash(record.family, record.goal, record.answer, record.parameters, self.context)

    @property
    def root(self) -> Agent[ContextT]:
        """The root at its launch, without a world."""
        return Agent(goal=self.goal, context=self.context)


@dataclass(frozen=True, kw_only=True)
class Received(Generic[ContextT]):
    """What a parent gets from a child that finished.

    Attributes:
        value: The launch's result for the parent.
        context: The parent's new context.
    """

    value: Any
    context: ContextT


class TaskFamily(ABC, Generic[ContextT]):
    """A family of tasks whose sub-goals can be verified.

    Subclasses take their options as keyword arguments. A family keeps no state of a rollout: the runtime keeps each
    agent's context, and state that agents share is in the world that `open_world` returns. Contexts are values: a
    method never changes one in place, but returns a new one. Only `call_tool`, `delegate` and `receive` may change the
    world.

    Attributes:
        id: The family's registered id, such as ``rao/LongContext-v0``.
        default_limits: Limits of a tree, unless the user sets others.
        kinds: The kinds of task that it offers, the default first; empty if there is only one.
        splits: The splits that it has.
        action_forms: The action forms that it offers; the first is the default.
        launch_parameters: The parameters of `launch_subagent` after the goal.
        launch_description: What a launch does in this family, for the agent.
        goal_optional: Whether a launch may omit the goal; `delegate` then gets ``""`` and derives one.
    """

    id: ClassVar[str]
    default_limits: ClassVar[Limits] = Limits()
    kinds: ClassVar[tuple[str, ...]] = ()
    splits: ClassVar[tuple[str, ...]] = SPLITS
    action_forms: tuple[str, ...] = ("python", "tools")
    launch_parameters: tuple[Parameter, ...] = ()
    launch_description: str = "Give part of the work to a new agent and get back its answer."
    goal_optional: bool = False

    @abstractmethod
    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[ContextT]:
        """Return a task that depends on these four arguments alone.

        Draw everything from ``rng(seed, split, index, difficulty)``.

        Raises:
            InvalidValueError: The difficulty is below 1 or the seed or index below 0.
            UnknownNameError: The split is not one of `SPLITS`.
        """

    @abstractmethod
    def rules(self, *, recursive: bool) -> str:
        """Return the environment's rules: the family's part of the system message."""

    @abstractmethod
    def opening(self, agent: Agent[ContextT]) -> str:
        """Return a new agent's first user message: its goal and what it needs to know of its context."""

    @abstractmethod
    def verify(self, task: Task[ContextT], agent: Agent[ContextT], value: JSON) -> float | None:
        """Return the success signal s̃ in [0, 1] of an agent that finished with `value`.

        Called for the root and every child when it finishes. Later actions of other agents must not change the signal.

        Args:
            task: The rollout's task.
            agent: The agent, with its context at launch.
            value: The value that it returned.

        Returns:
            The signal; None if no ground truth can be derived.
        """

    def part_of(
        self,
        task: Task[ContextT],
        parent: Agent[ContextT],
        child: Agent[ContextT],
        siblings: Sequence[Agent[ContextT]],
    ) -> bool | float | None:
        """Tell whether a child's work is a part of its parent's: smaller, needed, and not answered by its goal.

        Asked once, when the child is launched. Only children whose work is a part earn their parents the delegation
        bonus (`rao_gym.rewards`), which a policy could otherwise collect with questions like 1+1. To keep a policy from
        collecting it with the easiest part alone, return the share of the parent's work that the child takes over.

        Args:
            task: The rollout's task.
            parent: The agent that launches, with its context at that moment.
            child: The agent that it launches.
            siblings: The agents that it launched before, with their contexts at their launch.

        Returns:
            A share in [0, 1], 0 for work that is no part or that siblings were given; True for a part of unknown
            share, False for none, and None if it is unknown.
        """
        return None

    @abstractmethod
    def reference_policy(self) -> Policy:
        """Return a scripted policy that solves every task by delegating, using only the interface."""

    @abstractmethod
    def single_policy(self) -> Policy:
        """Return a scripted policy with the same skill that never delegates."""

    def tool_specs(self) -> Sequence[ToolSpec]:
        """Return the family's own tools; `launch_subagent` and `finish` are added to them."""
        return ()

    def open_world(self, task: Task[ContextT]) -> World | None:
        """Return a new world for one rollout of `task`; None if agents share no state.

        The runtime closes it when the rollout ends, for any reason. Two rollouts of one task share nothing.
        """
        return None

    def call_tool(self, name: str, agent: Agent[ContextT], arguments: Mapping[str, Any]) -> ToolResult:
        """Execute an agent's call of one of the family's tools; the arguments have been checked against its spec.

        Raises:
            ToolError: The call cannot be executed; the agent is shown the message.
        """
        raise ToolError(f"{name} is not a tool here.")

    def variables(self, agent: Agent[ContextT]) -> Mapping[str, Any]:
        """Return the variables that a new agent's Python session starts with."""
        return {}

    def delegate(self, goal: str, agent: Agent[ContextT], arguments: Mapping[str, Any]) -> tuple[str, ContextT]:
        """Return the goal and context of a child that an agent launches.

        Raises:
            LaunchRefusedError: The launch cannot be allowed; the message becomes its result.
        """
        return goal, agent.context

    def divisible(self, agent: Agent[ContextT]) -> bool | None:
        """Return whether a new agent's work has parts that could be delegated; None if the family does not say.

        Where it has none, a launch cannot help. Training counts launches on both sides of this line: an agent has
        learned *when* to delegate if it launches on one side alone.
        """
        return None

    def receive(self, agent: Agent[ContextT], arguments: Mapping[str, JSON], value: Any) -> Received[ContextT]:
        """Return what a parent gets when the child that it launched with `arguments` finishes."""
        return Received(value=value, context=agent.context)

    def why_not(self, actions: str) -> str:
        """Explain why the family cannot be played with an action form that it does not offer."""
        return f"{self.id} offers the action forms {', '.join(self.action_forms)}, not {actions}."

    def close(self) -> None:
        """Release the family's resources, such as worker processes."""

    def record(
        self,
        *,
        seed: int,
        split: str,
        index: int,
        difficulty: int,
        goal: str,
        answer: JSON,
        provenance: str,
        parameters: dict[str, JSON],
    ) -> TaskRecord:
        """Build the record of a task, with its id."""
        label = "".join(f":{value}" for name, value in parameters.items() if name in ("kind", "source"))
        return TaskRecord(
            id=f"{self.id}{label}:{split}:{seed}:{index}:d{difficulty}",
            family=self.id,
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=goal,
            answer=answer,
            provenance=provenance,
            parameters=parameters,
        )


def rng(seed: int, split: str, index: int, difficulty: int) -> np.random.Generator:
    """Return the generator to draw a task from.

    It is seeded with ``SeedSequence([seed, split, index, difficulty])``, so neighbouring seeds, splits, indices
    and difficulties share nothing.

    Raises:
        InvalidValueError: The difficulty is below 1, or the seed or index below 0.
        UnknownNameError: The split is not one of `SPLITS`.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    for name, value, minimum in (("seed", seed, 0), ("index", index, 0), ("difficulty", difficulty, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
            raise InvalidValueError(f"{name} must be an integer of at least {minimum}, got {value!r}.")
    sequence = np.random.SeedSequence([int(seed), SPLITS.index(split), int(index), int(difficulty)])
    return np.random.Generator(np.random.PCG64(sequence))
