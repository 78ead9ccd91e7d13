"""Limits on a tree and its nodes, and the accounting that enforces them.

The host does all accounting: budgets are reserved when a node is launched, and code in a cell can neither see nor
change them. Every operation here is O(1), whatever the size of the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal, Protocol, overload

import numpy as np

from rao_gym.errors import InvalidValueError

TokenCounter = Callable[[str], int]
"""Counts the tokens of one message, for example a tokenizer's ``len(tokenize(text))``."""

CHARACTERS_PER_TOKEN = 4


def count_tokens_approximately(text: str) -> int:
    """Count one token per four characters, rounded up: close for English, and O(1)."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


class TranscriptCounter(Protocol):
    """Counts the tokens of a transcript as its model reads them, chat template included."""

    @property
    def name(self) -> str:
        """The counter's name in trees and results."""

    def opening(self, system: str, user: str) -> int:
        """Count the two opening messages of a transcript."""

    def action(self, text: str) -> int:
        """Count what the model wrote in one turn."""

    def reply(self, text: str) -> int:
        """Count the reply to an action."""


APPROXIMATE = "approximate"
"""Name of the counter that takes four characters as one token."""


@dataclass(frozen=True)
class TextCounter:
    """Counts each message by its text alone.

    Attributes:
        count: Counts the tokens of a text.
    """

    count: TokenCounter = count_tokens_approximately

    @property
    def name(self) -> str:
        """``approximate``, or the function's name."""
        if self.count is count_tokens_approximately:
            return APPROXIMATE
        return f"{self.count.__module__}:{getattr(self.count, '__qualname__', type(self.count).__qualname__)}"

    def opening(self, system: str, user: str) -> int:
        """Count the two messages that open a transcript."""
        return self.count(system) + self.count(user)

    def action(self, text: str) -> int:
        """Count an action."""
        return self.count(text)

    def reply(self, text: str) -> int:
        """Count a reply."""
        return self.count(text)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one tree and each of its nodes may use; None means no limit.

    Attributes:
        max_depth: Depth of the deepest node; the root has depth 0.
        max_turns: Turns of each node.
        max_subtree_turns: Turns of a node and all its descendants together. The root gets them all; a launch
            reserves a share for the child (see `TurnBudget`), and unused turns return to the parent.
        max_children: Children of each node.
        max_nodes: Nodes of the tree, the root included.
        window: Tokens of each node's transcript.
        max_tree_tokens: Tokens of all transcripts of the tree together.
    """

    max_depth: int | None = 6
    max_turns: int | None = 25
    max_subtree_turns: int | None = None
    max_children: int | None = 64
    max_nodes: int | None = 10_000
    window: int | None = 8_192
    max_tree_tokens: int | None = None

    def __post_init__(self) -> None:
        """Check every limit.

        Raises:
            InvalidValueError: A limit is not an integer, or is below its minimum.
        """
        for field in fields(self):
            minimum = 0 if field.name == "max_depth" else 1
            limit = check_count(field.name, getattr(self, field.name), minimum=minimum, optional=True)
            object.__setattr__(self, field.name, limit)

    def refusal(self, *, depth: int, num_children: int, num_nodes: int, share: int | None) -> str:
        """Return why a launch is refused, as a sentence that the agent can act on; empty if it is allowed.

        Args:
            depth: Depth of the launching node.
            num_children: Number of children that it has launched.
            num_nodes: Number of nodes in the tree.
            share: Turns that the child would reserve; None for no limit.
        """
        if self.max_depth is not None and depth >= self.max_depth:
            return f"the maximum depth of {self.max_depth} is reached. Do this part yourself."
        if self.max_children is not None and num_children >= self.max_children:
            return f"you have launched {self.max_children} sub-agents, the most allowed."
        if self.max_nodes is not None and num_nodes >= self.max_nodes:
            return f"the tree has {self.max_nodes} agents, the most allowed."
        if share is not None and share < 1:
            return "too few turns are left to share with a sub-agent."
        return ""


@overload
def check_count(name: str, value: object, *, minimum: int = 1, optional: Literal[False] = False) -> int: ...


@overload
def check_count(name: str, value: object, *, minimum: int = 1, optional: Literal[True]) -> int | None: ...


def check_count(name: str, value: object, *, minimum: int = 1, optional: bool = False) -> int | None:
    """Validate an integer option and return it as a Python int, so that all options follow the same rules.

    Args:
        name: The option's name, for the error message.
        value: A Python or NumPy integer.
        minimum: The smallest valid value.
        optional: Whether None is valid as well.

    Raises:
        InvalidValueError: The value is out of range or not an integer; booleans, floats and text are not integers.
    """
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        wanted = "an integer or None" if optional else f"an integer of at least {minimum}"
        raise InvalidValueError(f"{name} must be {wanted}, got {value!r}.")
    if value < minimum:
        raise InvalidValueError(f"{name} must be at least {minimum}, got {value}.")
    return int(value)


def is_number(value: object) -> bool:
    """Return whether `value` is a real number, Python's or NumPy's; booleans are not."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


@dataclass(frozen=True, kw_only=True)
class LimitsLeft:
    """What a node can still use; None means no limit."""

    depth: int | None
    turns: int | None
    children: int | None
    nodes: int | None
    window: int | None
    tree_tokens: int | None


@dataclass(slots=True)
class TurnBudget:
    """The turns of one node: its own, and those that its subtree shares.

    With `shared` turns left and k launches at once, each child reserves ``shared // (k + 1)`` of them; the node keeps
    the rest.

    Attributes:
        own: Turns that the node itself may still take; None means no limit.
        shared: Turns that the node may still take or give to children; None means no limit.
    """

    own: int | None
    shared: int | None

    @property
    def left(self) -> int | None:
        """Turns that the node may still take; None means no limit."""
        return min_limit(self.own, self.shared)

    def spend(self) -> None:
        """Take one turn."""
        if self.own is not None:
            self.own -= 1
        if self.shared is not None:
            self.shared -= 1

    def share(self, num_launches: int) -> int | None:
        """Return the turns that each of `num_launches` children launched at once would reserve."""
        return None if self.shared is None else self.shared // (num_launches + 1)

    def reserve(self, turns: int | None) -> None:
        """Set `turns` aside for a child."""
        if self.shared is not None and turns is not None:
            self.shared -= turns

    def release(self, turns: int | None) -> None:
        """Take back the turns that a child left unused."""
        if self.shared is not None and turns is not None:
            self.shared += turns


def min_limit(first: int | None, second: int | None) -> int | None:
    """Return the tighter of two limits, where None means no limit."""
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


def left(limit: int | None, used: int) -> int | None:
    """Return what is left of a limit, never below 0; None means no limit."""
    return None if limit is None else max(0, limit - used)
