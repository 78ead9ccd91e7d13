"""Success signals and local node rewards of a finished tree (arXiv:2605.06639, Eq. 1).

The runtime sets the exact signal s̃ of a node when the node ends. If no ground truth could be derived, the signal is
None, and a judge or a proxy decides here. If the judge fails, or a server left the node unanswered, the node is
excluded and counted; it does not get a reward of 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from rao_gym.errors import InvalidValueError, PolicyError
from rao_gym.tree import ExecutionTree, Node


class Bonus(StrEnum):
    """Which children earn their parent the delegation bonus of Eq. 1.

    ``parts``: those whose work is a part of their parent's, or of whom that is unknown (`Node.part`). Where families
    name shares, what nobody was given counts as 0, so that the easiest part alone earns little. Launching all parts
    well and then giving up still earns λ.

    ``all``: every child, in the paper's words. A child with a trivial goal, such as 1+1, then earns λ for nothing, and
    policies learn to launch one and give up.

    ``gated``: the same children as ``parts``, and the bonus is multiplied by the node's success or its root's,
    whichever is larger. Nothing is earned by giving up, but neither by delegating well in a tree that fails, so that
    delegation is harder to discover.
    """

    PARTS = "parts"
    ALL = "all"
    GATED = "gated"


class Judge(Protocol):
    """Estimates the success signal of nodes without ground truth."""

    def __call__(self, node: Node) -> float:
        """Return a signal in [0, 1].

        Raises:
            PolicyError: The judge failed, as a server does; the node is excluded.
        """


@dataclass(frozen=True)
class Signals:
    """The success signals of a tree's nodes.

    Attributes:
        by_node: s̃ of every node that has one, by the node's id.
        num_excluded: Number of nodes without a signal because the judge, or the policy's server, failed.
    """

    by_node: Mapping[int, float]
    num_excluded: int


def success_signals(tree: ExecutionTree, judge: Judge | None = None) -> Signals:
    """Return a signal for every node of a finished tree.

    If the verifier does not know, `judge` decides. Without a judge, the root's signal stands in for the node's, as in
    the paper; a root without a signal then counts as 0. An unanswered node has no signal; an unanswered root has none
    that could stand in for others.

    Args:
        tree: A tree whose root has ended.
        judge: Estimates the signal of nodes that the verifier does not know.
    """
    by_node: dict[int, float] = {}
    num_excluded = 0
    root_signal = tree.root.signal or 0.0
    for node in tree.nodes:
        if node.signal is not None:
            by_node[node.id] = node.signal
        elif node.unanswered or (judge is None and tree.root.unanswered):
            num_excluded += 1
        elif judge is None:
            by_node[node.id] = root_signal
        else:
            try:
                by_node[node.id] = _checked(judge(node))
            except PolicyError:
                num_excluded += 1
    return Signals(by_node=by_node, num_excluded=num_excluded)


def _checked(signal: float) -> float:
    """Return what a judge said as a plain number.

    Raises:
        InvalidValueError: It is not a number in [0, 1].
    """
    if isinstance(signal, bool | int | float | np.floating | np.integer | np.bool_) and 0 <= signal <= 1:
        return float(signal)
    raise InvalidValueError(f"A judge returns a number from 0 to 1, got {signal!r}.")


def local_node_reward(
    signal: float, child_signals: Sequence[float], delegation_bonus: float, *, shares: Sequence[float] | None = None
) -> float:
    """Return R = s̃ + λ · mean of the immediate children's s̃; without children, the second term is 0 (Eq. 1).

    Args:
        signal: s̃ of the node.
        child_signals: s̃ of its children.
        delegation_bonus: λ.
        shares: What share of the node's work each child does; 1 each if left out. A share that nobody does counts
            as 0.
    """
    weights = [1.0] * len(child_signals) if shares is None else shares
    total = sum(weight * child for weight, child in zip(weights, child_signals, strict=True))
    return signal + delegation_bonus * total / max(1.0, sum(weights))


def node_rewards(
    tree: ExecutionTree, signals: Mapping[int, float], delegation_bonus: float, *, bonus: Bonus = Bonus.PARTS
) -> dict[int, float]:
    """Return R of every node that has a signal, by the node's id (Eq. 1).

    The mean is over the children that count by `bonus`, including those that failed; a refused launch creates no
    child. An excluded child is left out of its parent's mean. Where `bonus` is not ``all``, children weigh what share
    of their parent's work they do (1 if that is unknown), and a share that nobody does counts as 0.

    Args:
        tree: A finished tree.
        signals: s̃ by node id.
        delegation_bonus: λ of Eq. 1.
        bonus: Which children count.
    """
    return {
        node.id: reward_of(node, signals, delegation_bonus, bonus=bonus, root_signal=signals.get(tree.root.id, 0.0))
        for node in tree.nodes
        if node.id in signals
    }


def is_non_part(node: Node) -> bool:
    """Tell whether a node's work is no part of its parent's; False for the root and where that is unknown."""
    return node.part is not None and not node.part


def reward_of(
    node: Node,
    signals: Mapping[int, float],
    delegation_bonus: float,
    *,
    bonus: Bonus = Bonus.PARTS,
    root_signal: float = 0.0,
) -> float:
    """Return R of one node that has a signal.

    Args:
        node: The node.
        signals: s̃ by node id, of the node and its children.
        delegation_bonus: λ of Eq. 1.
        bonus: Which children count.
        root_signal: s̃ of the tree's root, for ``gated``.
    """
    children = [child for child in node.children if child.id in signals]
    shares = [1.0 if bonus is Bonus.ALL or child.part is None else float(child.part) for child in children]
    gate = max(signals[node.id], root_signal) if bonus is Bonus.GATED else 1.0
    child_signals = [signals[child.id] for child in children]
    return local_node_reward(signals[node.id], child_signals, delegation_bonus * gate, shares=shares)
