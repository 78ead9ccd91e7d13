"""Players: answer the turns of many trees, each as soon as its answer is ready."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from rao_gym.policies.base import ConcurrentPolicy, Policy, ask
from rao_gym.runtime import Runtime, turn_of
from rao_gym.tree import Node


@dataclass(frozen=True, slots=True)
class Seat:
    """A ready node and its tree.

    Attributes:
        tree: Identifies the tree among those that grow at the same time.
        seed: Seeds the sampling for this tree.
        runtime: The tree's runtime.
        node: The node.
    """

    tree: Hashable
    seed: tuple[int, ...]
    runtime: Runtime[Any]
    node: Node


class Player(Protocol):
    """Answers turns, in any order. An answer is anything that `Runtime.act` takes, or a `ServerError` instead."""

    def submit(self, seat: Seat) -> int:
        """Request a node's next action and return a ticket; tickets increase."""

    def completed(self) -> list[tuple[int, object]]:
        """Wait for at least one answer and return all that have arrived, with their tickets; empty if none is due."""

    def cancel(self, tickets: Sequence[int]) -> None:
        """Cancel requests whose nodes no longer need an answer."""

    def leave(self, seat: Seat) -> None:
        """Drop what is kept for a node, which has ended."""

    def forget(self, tree: Hashable) -> None:
        """Drop what is kept for a tree, which is over."""


class BatchPlayer:
    """Plays a policy that acts in batches: all ready turns form one batch.

    Args:
        policy: The policy.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._tickets = itertools.count()
        self._waiting: dict[int, Seat] = {}

    def submit(self, seat: Seat) -> int:
        """Add a node to the next batch."""
        ticket = next(self._tickets)
        self._waiting[ticket] = seat
        return ticket

    def completed(self) -> list[tuple[int, object]]:
        """Let the policy answer the batch.

        Raises:
            PolicyError: The policy raised or broke its protocol.
        """
        batch, self._waiting = self._waiting, {}
        if not batch:
            return []
        answers = ask(self._policy, [turn_of(seat.runtime, seat.node) for seat in batch.values()])
        return list(zip(batch, answers, strict=True))

    def cancel(self, tickets: Sequence[int]) -> None:
        """Remove nodes from the next batch."""
        for ticket in tickets:
            self._waiting.pop(ticket, None)

    def leave(self, seat: Seat) -> None:
        """Nothing is kept of a node."""

    def forget(self, tree: Hashable) -> None:
        """Nothing is kept of a tree."""


class ConcurrentPlayer:
    """Plays an asynchronous policy: every turn is requested as soon as it is ready.

    Args:
        policy: The policy, on its event loop.
    """

    def __init__(self, policy: ConcurrentPolicy) -> None:
        self._policy = policy
        self._tickets = itertools.count()
        self._under_way: dict[int, Future[object]] = {}
        self._done: SimpleQueue[int] = SimpleQueue()

    def submit(self, seat: Seat) -> int:
        """Request a node's action from the policy."""
        ticket = next(self._tickets)
        self._under_way[ticket] = future = self._policy.submit(turn_of(seat.runtime, seat.node))
        future.add_done_callback(lambda _future: self._done.put(ticket))
        return ticket

    def completed(self) -> list[tuple[int, object]]:
        """Wait for at least one answer, and return all that have arrived.

        Raises:
            PolicyError: The policy raised.
        """
        answers: dict[int, object] = {}
        while self._under_way and not answers:
            ticket: int | None = self._done.get()
            while ticket is not None:
                if (future := self._under_way.pop(ticket, None)) is not None:  # None if it was cancelled
                    answers[ticket] = future.result()
                try:
                    ticket = self._done.get_nowait()
                except Empty:
                    ticket = None
        return sorted(answers.items())

    def cancel(self, tickets: Sequence[int]) -> None:
        """Cancel requests."""
        for ticket in tickets:
            if (future := self._under_way.pop(ticket, None)) is not None:
                future.cancel()

    def leave(self, seat: Seat) -> None:
        """Nothing is kept of a node."""

    def forget(self, tree: Hashable) -> None:
        """Nothing is kept of a tree."""


def player_of(policy: Policy) -> Player:
    """Return the policy's own player if it has one (`player()`), as engine-backed policies do, else a standard one."""
    own = getattr(policy, "player", None)
    if own is not None:
        player: Player = own()
        return player
    return ConcurrentPlayer(policy) if isinstance(policy, ConcurrentPolicy) else BatchPlayer(policy)
