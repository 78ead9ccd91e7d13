"""Admission: who may become an agent, and what it starts with.

A launch is checked before anything of it is kept: against the limits, by the family, and by the length of what the
sub-agent would read first. One that fails leaves nothing behind but the sentence that the launching agent gets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic

from rao_gym.actions.base import LaunchRequest
from rao_gym.activity import Activity
from rao_gym.errors import WindowTooSmallError
from rao_gym.jsonable import JSON, printable, to_json_value
from rao_gym.limits import TurnBudget, count_tokens_approximately
from rao_gym.rulebook import Rulebook
from rao_gym.tasks.agent import Agent, ContextT
from rao_gym.tasks.base import LaunchRefusedError, Task
from rao_gym.tasks.world import World


@dataclass(frozen=True, kw_only=True)
class Entrant(Generic[ContextT]):
    """An agent that has been admitted.

    Attributes:
        agent: Who it is and what it was given.
        arguments: What was passed beside the goal, in JSON form.
        part: Whether its work is a part of that of the agent that launched it, or which share; None if unknown.
        budget: Its turns.
        opening: Its first user message.
        num_tokens: Tokens of its opening messages, the system message included.
    """

    agent: Agent[ContextT]
    arguments: dict[str, JSON]
    budget: TurnBudget
    opening: str
    num_tokens: int
    part: bool | float | None = None


class Admission(Generic[ContextT]):
    """Admits the root and the sub-agents of trees.

    Args:
        rulebook: What holds for every tree of the runtime.
    """

    def __init__(self, rulebook: Rulebook[ContextT]) -> None:
        self._rulebook = rulebook
        self._contract = rulebook.contract
        self._limits = rulebook.limits

    def root(self, task: Task[ContextT], world: World | None) -> Entrant[ContextT]:
        """Admit the root of a task.

        Raises:
            WindowTooSmallError: The window cannot hold its opening messages.
        """
        entrant = self._entrant(Agent(goal=task.goal, context=task.context, world=world), {}, self._turns_of_root())
        if self._is_too_long(entrant):
            raise WindowTooSmallError(
                f"window={self._limits.window} cannot hold the opening messages, which take {entrant.num_tokens} "
                "tokens. Set a larger window, which holds the agent's turns as well."
            )
        return entrant

    def child(
        self,
        task: Task[ContextT],
        parent: Activity[ContextT],
        launch: LaunchRequest,
        *,
        share: int | None,
        num_nodes: int,
    ) -> Entrant[ContextT]:
        """Admit the sub-agent that a launch asks for.

        Args:
            task: The rollout's task.
            parent: The agent that launches it.
            launch: What it asked for.
            share: Turns that the sub-agent would reserve; None for no limit.
            num_nodes: Nodes of the tree so far.

        Raises:
            LaunchRefusedError: The limits or the family do not allow it; the text tells the agent what it can do.
        """
        node = parent.node
        refusal = launch.error or self._limits.refusal(
            depth=node.depth, num_children=len(node.children), num_nodes=num_nodes, share=share
        )
        if refusal:
            raise LaunchRefusedError(refusal)
        goal = printable(launch.arguments.get("goal", ""))
        if not goal.strip() and not self._rulebook.goal_optional:
            raise LaunchRefusedError("the goal is empty. Say what the sub-agent must do.")
        goal, context = self._contract.delegate(goal, parent.agent, launch.arguments)
        agent = Agent(
            name=f"{parent.agent.name}.{len(node.children)}",
            parent=parent.agent.name,
            depth=node.depth + 1,
            goal=goal,
            context=context,
            world=parent.agent.world,
        )
        passed = {name: to_json_value(value) for name, value in launch.arguments.items() if name != "goal"}
        entrant = self._entrant(agent, passed, TurnBudget(own=self._limits.max_turns, shared=share))
        if self._is_too_long(entrant):
            raise LaunchRefusedError(
                f"the sub-agent's opening messages would take {entrant.num_tokens:,} tokens, and its window holds "
                f"{self._limits.window:,}. Give it a shorter goal."
            )
        return replace(entrant, part=self._contract.part_of(task, parent.agent, agent, parent.children))

    def _turns_of_root(self) -> TurnBudget:
        """Return the turns with which a root starts."""
        return TurnBudget(own=self._limits.max_turns, shared=self._limits.max_subtree_turns)

    def _entrant(self, agent: Agent[ContextT], arguments: dict[str, JSON], budget: TurnBudget) -> Entrant[ContextT]:
        """Write out what an agent reads first."""
        limits_line = self._rulebook.limits_line(agent.depth, budget.left)
        opening = f"{self._contract.opening(agent)}\n{limits_line}".rstrip()
        if self._limits.window is not None and len(opening) > self._rulebook.max_output_chars:
            num_tokens = count_tokens_approximately(opening)  # a tokenizer may take minutes for it
        else:
            num_tokens = self._rulebook.counter.opening(self._rulebook.system, opening)
        return Entrant(agent=agent, arguments=arguments, budget=budget, opening=opening, num_tokens=num_tokens)

    def _is_too_long(self, entrant: Entrant[ContextT]) -> bool:
        """Tell whether an agent's opening messages are longer than its window."""
        return self._limits.window is not None and entrant.num_tokens > self._limits.window
