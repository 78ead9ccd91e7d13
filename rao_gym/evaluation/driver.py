"""The driver: grows many trees with one player, so that no node waits for another's answer.

A node's turn is submitted as soon as the node is ready, and the node acts as soon as its answer arrives. Answers that
arrive together are acted on in the order of submission. A player that answers in batches therefore always sees the
same batches, and a tree does not depend on which others grow at the same time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rao_gym.errors import PolicyError, ServerError
from rao_gym.evaluation.players import Player, Seat
from rao_gym.runtime import Runtime
from rao_gym.tree import Node


@dataclass(slots=True, eq=False)
class Growing:
    """A tree while it grows.

    Attributes:
        name: Identifies the tree among those that grow at the same time.
        runtime: Its runtime, already reset to the tree's task.
        seed: Seeds the sampling for this tree.
        error: Why the tree was abandoned; empty if it was not.
        tickets: The ticket of every node whose turn is in flight.
    """

    name: Hashable
    runtime: Runtime[Any]
    seed: tuple[int, ...] = ()
    error: str = ""
    tickets: dict[Node, int] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether it has ended or was abandoned."""
        return bool(self.error) or self.runtime.done

    def seat(self, node: Node) -> Seat:
        """Return the seat of a node."""
        return Seat(self.name, self.seed, self.runtime, node)

    def unasked(self) -> list[Node]:
        """Return the ready nodes whose turns are not in flight: those that became ready last."""
        nodes: list[Node] = []
        for node in reversed(self.runtime.ready):  # type: ignore[call-overload]  # the keys of an OrderedDict
            if node in self.tickets:
                break
            nodes.append(node)
        return nodes[::-1]


class Driver:
    """Grows trees with one player.

    Args:
        player: The player that answers the turns.
        spare_trees: Whether a server failure ends only the node whose turn it left unanswered, not its tree.
    """

    def __init__(self, player: Player, *, spare_trees: bool = False) -> None:
        self._player = player
        self._spare_trees = spare_trees
        self._asked: dict[int, tuple[Growing, Node]] = {}
        self._answered = False
        self._failure: ServerError | None = None

    def grow(self, trees: Iterable[Growing], *, at_once: int | None = None) -> Iterator[Growing]:
        """Grow trees and yield each as it ends.

        If a server fails to answer a turn, only that turn's tree, or node, ends.

        Args:
            trees: The trees; one is taken, and thereby started, whenever there is room for it.
            at_once: How many trees grow at once; None for all of them.

        Raises:
            ServerError: The server failed before it had answered a single turn.
        """
        coming, running = iter(trees), dict[Growing, None]()
        num_begun = 0
        try:
            while True:
                # Until the server has answered once, start no more than `at_once` trees in all: it may be dead.
                while at_once is None or (len(running) if self._answered else num_begun) < at_once:
                    if (new := next(coming, None)) is None:
                        break
                    running[new] = None
                    num_begun += 1
                    self._ask(new)
                if not running:
                    return
                touched = self._act()
                for tree in touched:
                    if not tree.over:
                        self._ask(tree)
                # Scanning all running trees yields them in the order in which they were started.
                over = [tree for tree in running if tree.over] if any(tree.over for tree in touched) else []
                if len(over) == len(running) and not self._answered and self._failure is not None:
                    raise self._failure
                # Without a single answer so far, trees that failed are held back: the whole run may have to fail.
                for tree in over if self._answered else []:
                    self._give_up(tree)
                    yield tree
                    self._player.forget(tree.name)
                    del running[tree]
        finally:
            for tree in running:
                self._give_up(tree)
                self._player.forget(tree.name)

    def _ask(self, tree: Growing) -> None:
        """Submit the turn of every newly ready node, and cancel the turns of nodes that have ended."""
        for node in tree.unasked():
            ticket = self._player.submit(tree.seat(node))
            tree.tickets[node] = ticket
            self._asked[ticket] = tree, node
        if len(tree.tickets) > len(tree.runtime.ready):
            self._cancel(tree, [node for node in tree.tickets if node.ended])

    def _act(self) -> list[Growing]:
        """Act on the answers that have arrived, and return their trees.

        Raises:
            PolicyError: Turns are in flight, but the player returned no answer.
        """
        answers = sorted(self._player.completed(), key=lambda item: item[0])
        if not answers:
            raise PolicyError(f"{type(self._player).__name__} returned no answer, but {len(self._asked)} turns wait.")
        touched: dict[Growing, None] = {}
        for ticket, answer in answers:
            if ticket not in self._asked:
                continue  # its tree was abandoned
            tree, node = self._asked.pop(ticket)
            del tree.tickets[node]
            touched[tree] = None
            if isinstance(answer, ServerError):
                self._failure = self._failure or answer
                if not self._spare_trees:
                    tree.error = tree.error or str(answer)
                    continue
            else:
                self._answered = True
            # An abandoned tree still takes the answers that have arrived, so that their cost is counted.
            if node in tree.runtime.ready:  # an earlier answer may have ended the node
                if isinstance(answer, ServerError):
                    tree.runtime.fail(node, str(answer).rstrip("."))
                else:
                    tree.runtime.act(node, answer)
            if node.ended:
                self._player.leave(tree.seat(node))
        return list(touched)

    def _cancel(self, tree: Growing, nodes: Sequence[Node]) -> None:
        """Cancel the turns of these nodes."""
        tickets = [tree.tickets.pop(node) for node in nodes]
        for ticket in tickets:
            del self._asked[ticket]
        self._player.cancel(tickets)
        for node in nodes:
            self._player.leave(tree.seat(node))

    def _give_up(self, tree: Growing) -> None:
        """Cancel the tree's turns and release its runtime; the tree may be unfinished."""
        self._cancel(tree, list(tree.tickets))
        tree.runtime.release()
