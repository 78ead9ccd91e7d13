"""Success signals and local node rewards of a finished tree (arXiv:2605.06639, Eq. 1).

The exact signal s̃ of a node is set by the runtime when the node ends. Where no ground truth could be derived it
is None, and a judge or a proxy decides here. A judge that fails does not count as a reward of 0, nor does a server
that left a node unanswered: the node is excluded, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from rao_gym.errors import PolicyError
from rao_gym.tree import ExecutionTree, Node


class Judge(Protocol):
    """Estimates the success signal of nodes that nothing else verifies."""

    def __call__(self, node: Node) -> float:
        """Return a signal in [0, 1].

        Raises:
            PolicyError: The judge failed; the node is excluded.
        """


@dataclass(frozen=True)
class Signals:
    """The success signals of a tree's nodes.

    Attributes:
        by_node: s̃ of every node that has one, by the node's id.
        num_excluded: Nodes without a signal because the judge, or the policy's server, failed.
    """

    by_node: Mapping[int, float]
    num_excluded: int


def success_signals(tree: ExecutionTree, judge: Judge | None = None) -> Signals:
    """Return a signal for every node of a finished tree.

    Where the verifier does not know, `judge` decides; without a judge, the root's signal stands in for the
    node's, which is the proxy of the paper. A root that nothing verifies counts as 0 then. A node that was left
    unanswered has no signal, and if it is the root, none that could stand in for others.

    Args:
        tree: A tree whose root has ended.
        judge: Estimates a signal where the verifier does not know.
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
                by_node[node.id] = judge(node)
            except PolicyError:
                num_excluded += 1
    return Signals(by_node=by_node, num_excluded=num_excluded)


def local_node_reward(signal: float, child_signals: Sequence[float], delegation_bonus: float) -> float:
    """Return R = s̃ + λ · mean of the immediate children's s̃; the second term is 0 without children (Eq. 1)."""
    return signal + (delegation_bonus * fmean(child_signals) if child_signals else 0.0)


def node_rewards(tree: ExecutionTree, signals: Mapping[int, float], delegation_bonus: float) -> dict[int, float]:
    """Return R of every node that has a signal, by the node's id (Eq. 1).

    Every launched child counts, whatever became of it; a refused launch made no child. A child that was excluded is
    left out of its parent's mean.

    Args:
        tree: A finished tree.
        signals: s̃ by node id.
        delegation_bonus: λ of Eq. 1.
    """
    return {
        node.id: local_node_reward(
            signals[node.id],
            [signals[child.id] for child in node.children if child.id in signals],
            delegation_bonus,
        )
        for node in tree.nodes
        if node.id in signals
    }
