"""An agent as its family sees it: its name, goal, context and world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

ContextT = TypeVar("ContextT")
"""What a node gets besides its goal: a passage, an expression, a helper's specification."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent(Generic[ContextT]):
    """One agent, at one moment of a rollout.

    Attributes:
        name: Its path in the tree, such as ``root.0.1``; unique within the rollout.
        parent: Name of the agent that launched it; None for the root.
        depth: 0 for the root.
        goal: Its goal, in words.
        context: Its current context, which tools and children may have changed since its launch.
        world: The state that all agents of the rollout share: the object that `TaskFamily.open_world` returned.
    """

    name: str = "root"
    parent: str | None = None
    depth: int = 0
    goal: str
    context: ContextT = field(repr=False)
    world: Any = field(default=None, repr=False)

    def with_context(self, context: ContextT) -> Agent[ContextT]:
        """Return the same agent with another context."""
        return Agent(
            name=self.name,
            parent=self.parent,
            depth=self.depth,
            goal=self.goal,
            context=context,
            world=self.world,
        )
