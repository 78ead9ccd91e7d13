"""The contract of action forms, which turn an action text into effects on one node.

An interpreter belongs to one node. It runs an action text until the text has a reply, finishes the node, or waits for
children. Launches and tool calls go through the `NodeHost`, the only part of the runtime that it can reach.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from rao_gym.tools import ToolResult, ToolSpec


@dataclass(frozen=True)
class Reply:
    """The action is done; the node continues with this message."""

    text: str


@dataclass(frozen=True)
class Finish:
    """The node returns a value and ends."""

    value: Any


@dataclass(frozen=True)
class LaunchRequest:
    """A launch as the agent requested it; `error` says what is wrong with its arguments, if anything."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Await:
    """The action waits for all of these launches; `resume` takes their results in the same order."""

    launches: Sequence[LaunchRequest]


@dataclass(frozen=True)
class Crash:
    """The worker that ran the action died; the node cannot continue."""

    detail: str


Outcome = Reply | Finish | Await | Crash


@dataclass(frozen=True, kw_only=True)
class NodeHost:
    """The part of a node that its interpreter can reach.

    Attributes:
        name: The agent's name.
        specs: Every tool that the node may call, by name.
        call: Calls a family tool; raises `ToolError`.
        variables: Variables that the node's session starts with.
        max_output_chars: Output stops here, because a longer reply cannot fit in the window.
    """

    name: str
    specs: Mapping[str, ToolSpec]
    call: Callable[[str, Mapping[str, Any]], ToolResult]
    variables: Mapping[str, Any]
    max_output_chars: int


class Interpreter(Protocol):
    """Runs the actions of one node."""

    def run(self, text: str, *, truncated: bool = False) -> Outcome:
        """Run an action text.

        Args:
            text: The policy's text.
            truncated: Whether generation was cut off; an unfinished action at the end does not run.
        """

    def resume(self, results: Sequence[Any]) -> Outcome:
        """Continue after an `Await`, with the results of its launches in order."""

    def close(self) -> None:
        """Release all resources; called once, when the node ends."""


class ActionForm(ABC):
    """A way to write actions."""

    name: ClassVar[str]

    @abstractmethod
    def instructions(self, specs: Sequence[ToolSpec]) -> str:
        """Return the part of the system message that explains how to act."""

    @abstractmethod
    def open(self, host: NodeHost) -> Interpreter:
        """Return an interpreter for a new node."""

    def close(self) -> None:
        """Release the resources that all interpreters share."""
        return


TRUNCATED = "\n[output cut here: it is longer than the window]"
