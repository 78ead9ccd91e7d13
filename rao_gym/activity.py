"""What the runtime keeps of a node that has not ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic

from rao_gym.actions.base import Interpreter
from rao_gym.limits import TurnBudget
from rao_gym.tasks.agent import Agent, ContextT
from rao_gym.tasks.contract import Contract
from rao_gym.tree import Node, StopReason


@dataclass(slots=True, eq=False)
class Activity(Generic[ContextT]):
    """A node that has not ended, with all that it needs to go on; dropped when it ends.

    Attributes:
        node: The node.
        launched: The agent as it was launched, which its answer is verified against.
        agent: The agent as it is now.
        budget: Its turns.
        interpreter: What runs its actions.
        results: What the launches that it waits for return: a sentence, or the child that will tell.
        values: What its children handed back in this wait.
        num_pending: Children among `results` that have not ended.
        num_waves: Waits so far in which children ran.
        notice: What the reply to the present action tells besides; empty or whole lines.
    """

    node: Node
    launched: Agent[ContextT]
    agent: Agent[ContextT]
    budget: TurnBudget
    interpreter: Interpreter
    results: list[str | Node] = field(default_factory=list)
    values: dict[Node, Any] = field(default_factory=dict)
    num_pending: int = 0
    num_waves: int = 0
    notice: str = ""

    def change_context(self, context: ContextT) -> None:
        """Give the agent another context, if it is another one."""
        if context is not self.agent.context:
            self.agent = self.agent.with_context(context)

    def hand_over(self, child: Node, value: Any, turns_left: int | None) -> None:
        """Take what a child that has ended hands back, and the turns that it left unused."""
        self.budget.release(turns_left)
        self.values[child] = value
        self.num_pending -= 1

    def collect(self, family: Contract[ContextT]) -> list[Any]:
        """Return what the launches return, in their order, now that all children have ended."""
        collected: list[Any] = []
        for result in self.results:
            if isinstance(result, str):
                collected.append(result)
            elif result.stop_reason is StopReason.FINISHED:
                received = family.receive(self.agent, result.arguments, self.values[result])
                self.change_context(received.context)
                collected.append(received.value)
            else:
                detail = f" ({result.detail})" if result.detail else ""
                collected.append(f"Subagent failed: {result.stop_reason}{detail}")
        self.results, self.values = [], {}
        return collected
