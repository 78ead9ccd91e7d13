"""What a policy is: turns in, action texts out, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from rao_gym.limits import LimitsLeft
from rao_gym.runtime import Runtime
from rao_gym.tools import ToolSpec
from rao_gym.tree import ChatMessage, Node


@dataclass(frozen=True, kw_only=True)
class Turn:
    """All that a policy sees of an agent that must act.

    Attributes:
        agent: The agent's name, its path in the tree.
        depth: Its depth; 0 for the root.
        messages: Its transcript, in the form that chat templates and servers take.
        limits: What it can still use.
        tools: What it can call.
        actions: The action form, ``"python"`` or ``"tools"``.
    """

    agent: str
    depth: int
    messages: Sequence[ChatMessage]
    limits: LimitsLeft
    tools: Sequence[ToolSpec]
    actions: str

    @property
    def schemas(self) -> list[dict[str, Any]]:
        """The tools as JSON schemas, as `tokenizer.apply_chat_template(tools=...)` takes them."""
        return [spec.schema() for spec in self.tools]


@runtime_checkable
class Policy(Protocol):
    """Answers turns in batches; the turns of a batch are independent of each other."""

    def act(self, turns: Sequence[Turn]) -> Sequence[str]:
        """Return one action text for each turn, in order."""


PolicyLike = Policy | Callable[[Sequence[Turn]], Sequence[str]]
"""A policy, or a plain function from turns to action texts."""


def turn_of(runtime: Runtime[Any], node: Node) -> Turn:
    """Return what a policy sees of a ready node."""
    return Turn(
        agent=node.name,
        depth=node.depth,
        messages=node.messages,
        limits=runtime.limits_left(node),
        tools=runtime.tool_specs,
        actions=runtime.actions,
    )


@dataclass(frozen=True)
class FunctionPolicy:
    """A plain function as a policy.

    Attributes:
        function: Takes the turns, returns the action texts.
    """

    function: Callable[[Sequence[Turn]], Sequence[str]]

    def act(self, turns: Sequence[Turn]) -> Sequence[str]:
        """Call the function."""
        return self.function(turns)
