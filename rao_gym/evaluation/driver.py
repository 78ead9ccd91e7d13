"""The driver: many trees, one player, and no node that waits for another's answer.

Every node is asked for as soon as it is ready, and acts when its answer is there; answers that arrive together are
acted on in the order in which they were asked for. So the rounds of a player that answers in batches are always the
same, and a tree does not depend on which others grow beside it.
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
        name: Names the tree among those that grow beside it.
        runtime: Where it grows; its task has been started.
        seed: Seeds what is drawn for this tree.
        error: Why it was given up; empty if it was not.
        tickets: The nodes that have been asked for, with their tickets.
    """

    name: Hashable
    runtime: Runtime[Any]
    seed: tuple[int, ...] = ()
    error: str = ""
    tickets: dict[Node, int] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether it has ended or was given up."""
        return bool(self.error) or self.runtime.done

    def seat(self, node: Node) -> Seat:
        """Return a node as players know it."""
        return Seat(self.name, self.seed, self.runtime, node)

    def unasked(self) -> list[Node]:
        """Return the ready nodes that have not been asked for, which are the last that became ready."""
        nodes: list[Node] = []
        for node in reversed(self.runtime.ready):  # type: ignore[call-overload]  # the keys of an OrderedDict
            if node in self.tickets:
                break
            nodes.append(node)
        return nodes[::-1]


class Driver:
    """Grows trees with one player.

    Args:
        player: Answers the turns.
        spare_trees: Whether a failing server ends only the nodes that it leaves unanswered, not their trees.
    """

    def __init__(self, player: Player, *, spare_trees: bool = False) -> None:
        self._player = player
        self._spare_trees = spare_trees
        self._asked: dict[int, tuple[Growing, Node]] = {}
        self._answered = False
        self._failure: ServerError | None = None

    def grow(self, trees: Iterable[Growing], *, at_once: int | None = None) -> Iterator[Growing]:
        """Grow trees and yield each when it is over.

        A failing server ends only the tree, or the node, whose turn it left unanswered.

        Args:
            trees: Those to grow; one is taken from here, and with it started, when there is room for it.
            at_once: Trees that grow side by side; all of them if left out.

        Raises:
            ServerError: The server failed before it had answered a single turn.
        """
        coming, running = iter(trees), dict[Growing, None]()
        num_begun = 0
        try:
            while True:
                # A server that has not answered yet may never do so: no further tree is begun for it.
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
                over = [tree for tree in running if tree.over] if any(tree.over for tree in touched) else []
                if len(over) == len(running) and not self._answered and self._failure is not None:
                    raise self._failure
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
        """Ask for every node that has become ready, and give up what was asked for nodes that have ended."""
        for node in tree.unasked():
            ticket = self._player.submit(tree.seat(node))
            tree.tickets[node] = ticket
            self._asked[ticket] = tree, node
        if len(tree.tickets) > len(tree.runtime.ready):
            self._cancel(tree, [node for node in tree.tickets if node.ended])

    def _act(self) -> list[Growing]:
        """Take the turns that are answered, and return their trees.

        Raises:
            PolicyError: The player owes answers, and gives none.
        """
        answers = sorted(self._player.completed(), key=lambda item: item[0])
        if not answers:
            raise PolicyError(f"{type(self._player).__name__} gave no answer, though {len(self._asked)} turns wait.")
        touched: dict[Growing, None] = {}
        for ticket, answer in answers:
            if ticket not in self._asked:
                continue  # its tree was given up
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
            if not tree.error and node in tree.runtime.ready:  # an answer before this one may have ended the node
                if isinstance(answer, ServerError):
                    tree.runtime.fail(node, str(answer).rstrip("."))
                else:
                    tree.runtime.act(node, answer)
            if node.ended:
                self._player.leave(tree.seat(node))
        return list(touched)

    def _cancel(self, tree: Growing, nodes: Sequence[Node]) -> None:
        """Give up what was asked for these nodes."""
        tickets = [tree.tickets.pop(node) for node in nodes]
        for ticket in tickets:
            del self._asked[ticket]
        self._player.cancel(tickets)
        for node in nodes:
            self._player.leave(tree.seat(node))

    def _give_up(self, tree: Growing) -> None:
        """Ask for nothing more; a failing server leaves a tree unfinished."""
        self._cancel(tree, list(tree.tickets))
        tree.runtime.release()
