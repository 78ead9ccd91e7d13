"""What the runtime keeps of a node that has not ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic

from rao_gym.actions.base import Interpreter
from rao_gym.boundary import MAX_JOINT_SIZE, PART_SIZE, size_of
from rao_gym.limits import TurnBudget
from rao_gym.tasks.agent import Agent, ContextT
from rao_gym.tasks.contract import Contract
from rao_gym.tree import Node, StopReason

_WARN_TURNS = 3
_CUT_OFF = (
    "\n(Your turn was cut off after about {num_tokens:,} tokens, the most that one turn may have. What was unfinished "
    "did not run. Write shorter turns and finish the action.)"
)
_TOO_MUCH = (
    f"Subagent failed: too much is returned at once, at most {MAX_JOINT_SIZE:,} characters, with {PART_SIZE} for each "
    "item. Let sub-agents return less, or wait for fewer of them."
)


@dataclass(slots=True, eq=False)
class Activity(Generic[ContextT]):
    """A node that has not ended, with all that it needs to go on; dropped when it ends.

    Attributes:
        node: The node.
        launched: The agent as it was launched, which its answer is verified against.
        agent: The agent as it is now.
        budget: Its turns.
        interpreter: What runs its actions.
        children: The agents that it has launched, as they were launched.
        results: What the launches that it waits for return: a sentence, or the child that will tell.
        values: What its children handed back in this wait.
        num_pending: Children among `results` that have not ended.
        num_waves: Waits so far in which children ran.
        cut_off_at: Tokens at which the present action was cut off; None if it was not.
    """

    node: Node
    launched: Agent[ContextT]
    agent: Agent[ContextT]
    budget: TurnBudget
    interpreter: Interpreter
    children: list[Agent[ContextT]] = field(default_factory=list)
    results: list[str | Node] = field(default_factory=list)
    values: dict[Node, Any] = field(default_factory=dict)
    num_pending: int = 0
    num_waves: int = 0
    cut_off_at: int | None = None

    def remarks(self) -> str:
        """Return what the reply to an action tells besides; empty or whole lines."""
        cut_off = "" if self.cut_off_at is None else _CUT_OFF.format(num_tokens=self.cut_off_at)
        turns_left = self.budget.left
        if turns_left is None or not 0 < turns_left <= _WARN_TURNS:
            return cut_off
        return f"{cut_off}\n({turns_left} turn{'s' if turns_left > 1 else ''} left)"

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
        """Return what the launches return, in their order, now that all children have ended.

        Together the values may have `MAX_JOINT_SIZE`; of one that goes beyond, the agent is told so instead.
        """
        collected: list[Any] = []
        size_left = MAX_JOINT_SIZE
        for result in self.results:
            if isinstance(result, str):
                collected.append(result)
            elif result.stop_reason is StopReason.FINISHED:
                received = family.receive(self.agent, result.arguments, self.values.pop(result))
                self.change_context(received.context)
                size = size_of(received.value, at_most=size_left)
                collected.append(_TOO_MUCH if size is None else received.value)
                size_left -= size or 0
            else:
                detail = f" ({result.detail})" if result.detail else ""
                collected.append(f"Subagent failed: {result.stop_reason}{detail}")
        self.results, self.values = [], {}
        return collected
