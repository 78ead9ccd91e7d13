"""What an action form is: it turns an action text into effects on one node.

An interpreter belongs to one node. It runs an action text until that text has a reply, finishes the node, or
waits for children; launches and tool calls go through the `NodeHost`, which is all it can reach.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from rao_gym.tools import ToolResult, ToolSpec


@dataclass(frozen=True)
class Reply:
    """The action is done and the node goes on with this message."""

    text: str


@dataclass(frozen=True)
class Finish:
    """The node hands back a value and ends."""

    value: Any


@dataclass(frozen=True)
class LaunchRequest:
    """A launch as the agent asked for it; `error` is set when its arguments do not fit."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Await:
    """The action waits for these launches, all at once; `resume` takes their results in the same order."""

    launches: Sequence[LaunchRequest]


@dataclass(frozen=True)
class Crash:
    """What ran the action died; the node cannot go on."""

    detail: str


Outcome = Reply | Finish | Await | Crash


@dataclass(frozen=True, kw_only=True)
class NodeHost:
    """What an interpreter can reach of its node.

    Attributes:
        name: The agent's name.
        specs: Every tool that the node may call, by name.
        call: Carries out a call of a family tool; raises `ToolError`.
        variables: What the node finds in its session.
        max_output_chars: Text of one reply beyond this cannot fit in the window; output stops there.
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
            text: What the policy wrote.
            truncated: Whether generation stopped in the middle of it; what it leaves unfinished is not run.
        """

    def resume(self, results: Sequence[Any]) -> Outcome:
        """Go on after an `Await`, with the results of its launches in order."""

    def close(self) -> None:
        """Release everything; called once, when the node ends."""


class ActionForm(ABC):
    """A way to write actions."""

    name: ClassVar[str]

    @abstractmethod
    def instructions(self, specs: Sequence[ToolSpec]) -> str:
        """Return the part of the system message that explains how to act."""

    @abstractmethod
    def open(self, host: NodeHost) -> Interpreter:
        """Return the interpreter of a new node."""

    def close(self) -> None:
        """Release what all interpreters share."""
        return


TRUNCATED = "\n[output cut here: it is longer than the window]"
