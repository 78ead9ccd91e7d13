"""Worlds: state that all agents of one rollout share, and the ledger of what each of them did to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rao_gym.tasks.agent import Agent

DeedT = TypeVar("DeedT")
"""What a family writes down about one deed: an item, or a frozen dataclass."""


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
    """What was done in a world: by whom, for whom, in which order.

    An agent works for every agent above it, so a deed counts for its author and for all of the author's ancestors.
    Writing an entry costs as much as its author is deep; reading costs as much as what is read.
    """

    def __init__(self) -> None:
        self._entries: list[Entry[DeedT]] = []
        self._own: defaultdict[str, list[DeedT]] = defaultdict(list)
        self._subtree: defaultdict[str, list[DeedT]] = defaultdict(list)

    @property
    def entries(self) -> Sequence[Entry[DeedT]]:
        """Every entry, in the order of the deeds."""
        return tuple(self._entries)

    def write(self, agent: Agent[Any], deed: DeedT) -> None:
        """Add a deed of `agent`."""
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

    `TaskFamily.open_world` returns a new one for each rollout, and the runtime closes it when the rollout is over.
    Subclasses add their state, change it in tool calls, `delegate` and `receive`, and write down in `ledger`
    whatever earns credit. Verify against the ledger, not the final state: an idle agent did nothing in the ledger,
    though its sibling may have brought about the state that it was asked for.

    Attributes:
        ledger: What was done, by whom and for whom. It stays readable after `close`.
    """

    def __init__(self) -> None:
        self.ledger: Ledger[Any] = Ledger()

    def close(self) -> None:
        """Release what the world holds outside of Python's memory; called once."""
        return


def _name(agent: Agent[Any] | str) -> str:
    """Return the name of an agent."""
    return agent if isinstance(agent, str) else agent.name
