"""Worlds: state that all agents of one rollout share, with a ledger of who did what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rao_gym.tasks.agent import Agent

DeedT = TypeVar("DeedT")
"""A family's record of one deed: an item, or a frozen dataclass."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[DeedT]):
    """One deed.

    Attributes:
        agent: Name of the agent that did it.
        deed: What it did.
    """

    agent: str
    deed: DeedT


class Ledger(Generic[DeedT]):
    """Who did what in a world, and for whom, in order.

    An agent works for all of its ancestors, so a deed counts for its author and for all of the author's ancestors.
    Writing takes time in proportion to the author's depth; reading takes time in proportion to the result.
    """

    def __init__(self) -> None:
        self._entries: list[Entry[DeedT]] = []
        self._own: defaultdict[str, list[DeedT]] = defaultdict(list)
        self._subtree: defaultdict[str, list[DeedT]] = defaultdict(list)

    @property
    def entries(self) -> Sequence[Entry[DeedT]]:
        """All entries, in order."""
        return tuple(self._entries)

    def write(self, agent: Agent[Any], deed: DeedT) -> None:
        """Record a deed of `agent`."""
        self._entries.append(Entry(agent.name, deed))
        self._own[agent.name].append(deed)
        name = agent.name
        for _ in range(agent.depth + 1):
            self._subtree[name].append(deed)
            name = name.rpartition(".")[0]

    def by(self, agent: Agent[Any] | str) -> Sequence[DeedT]:
        """Return what an agent did itself, in order."""
        return tuple(self._own.get(_name(agent), ()))

    def under(self, agent: Agent[Any] | str) -> Sequence[DeedT]:
        """Return what an agent and its descendants did, in order."""
        return tuple(self._subtree.get(_name(agent), ()))


class World:
    """State that all agents of one rollout share.

    `TaskFamily.open_world` returns a new one for each rollout, and the runtime closes it when the rollout ends.
    Subclasses add their state, change it in tool calls, `delegate` and `receive`, and record in `ledger` whatever earns
    credit. Verify against the ledger, not the final state: an idle agent has no entries in the ledger, even if its
    sibling did the work that it was asked for.

    Attributes:
        ledger: Who did what, and for whom. It stays readable after `close`.
    """

    def __init__(self) -> None:
        self.ledger: Ledger[Any] = Ledger()

    def close(self) -> None:
        """Release resources outside of Python's memory; called once."""
        return


def _name(agent: Agent[Any] | str) -> str:
    """Return the name of an agent."""
    return agent if isinstance(agent, str) else agent.name
