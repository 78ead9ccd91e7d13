"""Success signals and local node rewards of a finished tree (arXiv:2605.06639, Eq. 1).

The runtime sets the exact signal s̃ of a node when the node ends. If no ground truth could be derived, the signal is
None, and a judge or a proxy decides here. If the judge fails, or a server left the node unanswered, the node is
unjudged, excluded and counted; it does not get a reward of 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np

from rao_gym.errors import InvalidValueError, PolicyError
from rao_gym.tree import ExecutionTree, Judgement, Node, StopReason


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


class Source(StrEnum):
    """Where a node's success signal comes from.

    ``exact``: the family's verifier, which may not know. ``judge``: a model, or a function of the user's own. ``root``:
    the signal of the tree's root, whatever gave it that; for the root itself, the verifier. ``zero``: 0.
    """

    EXACT = "exact"
    JUDGE = "judge"
    ROOT = "root"
    ZERO = "zero"


WITHOUT_JUDGE = (Source.EXACT, Source.ROOT, Source.ZERO)
"""The paper's proxy: where the verifier does not know, the root's signal; a root without one counts as 0."""

WITH_JUDGE = (Source.EXACT, Source.JUDGE)


class Judge(Protocol):
    """Estimates the success signal of nodes without ground truth."""

    def __call__(self, node: Node) -> float | None:
        """Return a signal in [0, 1]; None if it cannot tell.

        Raises:
            PolicyError: The judge failed, as a server does; the node is excluded.
        """


@dataclass(frozen=True)
class Signals:
    """The success signals of a tree's nodes. Every node is either in `by_node` or in `unjudged`.

    Attributes:
        by_node: s̃ of every node that has one, by the node's id.
        unjudged: Why each of the other nodes has none: its policy's server failed, the judge failed, or nothing knows.
        sources: Where each signal comes from, by the node's id.
        num_failures: Number of nodes that the judge failed on, including those that another source then decided.
    """

    by_node: Mapping[int, float]
    unjudged: Mapping[int, str] = field(default_factory=dict)
    sources: Mapping[int, Source] = field(default_factory=dict)
    num_failures: int = 0

    @property
    def num_excluded(self) -> int:
        """Number of nodes without a signal."""
        return len(self.unjudged)


def success_signals(
    tree: ExecutionTree, judge: Judge | None = None, sources: Sequence[Source] | None = None
) -> Signals:
    """Return a signal for every node of a finished tree, each from the first source that has one.

    A judge that fails is not a 0: the sources after it are asked, but for ``zero``. A node that no source knows is
    unjudged. An unanswered node has no signal, and an unanswered root has none that could stand in for others. The
    judge is not asked about a node that did not finish: it failed.

    Args:
        tree: A tree whose root has ended.
        judge: Estimates the signal of nodes.
        sources: The sources, in order, as `rao_gym.judges.parse_signals` checks them; `WITH_JUDGE` by default if there
            is a judge, else `WITHOUT_JUDGE`.
    """
    chain = sources or (WITHOUT_JUDGE if judge is None else WITH_JUDGE)
    by_node: dict[int, float] = {}
    unjudged: dict[int, str] = {}
    found: dict[int, Source] = {}
    num_failures = 0
    for node in tree.nodes:  # the root first
        decision = _decide(node, tree.root, by_node.get(tree.root.id), judge, chain)
        num_failures += decision.judge_failed
        if decision.signal is None or decision.source is None:
            unjudged[node.id] = decision.reason
        else:
            by_node[node.id], found[node.id] = decision.signal, decision.source
    return Signals(by_node=by_node, unjudged=unjudged, sources=found, num_failures=num_failures)


def judgements_of(signals: Signals) -> dict[int, Judgement]:
    """Return what a tree records of its signals: those that are not its verifier's, and the nodes without one."""
    given = {
        node: Judgement(signals.by_node[node], str(source))
        for node, source in signals.sources.items()
        if source is not Source.EXACT
    }
    unjudged = {node: Judgement(None, reason) for node, reason in signals.unjudged.items()}
    return dict(sorted((given | unjudged).items()))


def recorded_signals(tree: ExecutionTree) -> dict[int, float]:
    """Return the signals that a finished tree was judged with; without a judgement, those of `success_signals`."""
    if not tree.judgements:
        return dict(success_signals(tree).by_node)
    found = {node.id: node.signal for node in tree.nodes} | {
        node: judgement.signal for node, judgement in tree.judgements.items()
    }
    return {node: signal for node, signal in found.items() if signal is not None}


def asks_judge(node: Node, sources: Sequence[Source]) -> bool:
    """Tell whether the judge is asked about a node: whether no source before it has a signal."""
    if Source.JUDGE not in sources or node.stop_reason is not StopReason.FINISHED:
        return False
    return node.signal is None or Source.EXACT not in sources[: sources.index(Source.JUDGE)]


def as_signal(value: object) -> float | None:
    """Return a signal as a plain number; None if it is not a number in [0, 1]."""
    if isinstance(value, bool | int | float | np.floating | np.integer | np.bool_) and 0 <= value <= 1:
        return float(value)
    return None


@dataclass(slots=True)
class _Decision:
    """The signal of one node.

    Attributes:
        signal: The signal; None if the node is unjudged.
        source: Where it comes from.
        reason: Why the node is unjudged.
        judge_failed: Whether the judge failed on the node.
    """

    signal: float | None = None
    source: Source | None = None
    reason: str = "no source of signals knows"
    judge_failed: bool = False


def _decide(
    node: Node, root: Node, root_signal: float | None, judge: Judge | None, sources: Sequence[Source]
) -> _Decision:
    """Ask the sources in order until one has a signal."""
    decision = _Decision()
    if node.unanswered:
        decision.reason = "its policy gave no answer"
        return decision
    for source in sources:
        if source is Source.ROOT and node is not root:
            signal = root_signal
            if signal is None:
                decision.reason = "its root has no signal"
                return decision
        elif source is Source.ZERO:
            signal = None if decision.judge_failed else 0.0
        elif source is Source.JUDGE and node.stop_reason is StopReason.FINISHED:
            signal = _judged(judge, node, decision)
        else:
            signal = node.signal
        if signal is not None:
            decision.signal, decision.source = signal, source
            break
    return decision


def _judged(judge: Judge | None, node: Node, decision: _Decision) -> float | None:
    """Return what the judge says of a node, and note if it fails.

    Raises:
        InvalidValueError: The judge returned something else than a signal, or there is no judge.
    """
    if judge is None:
        raise InvalidValueError("The signals are to come from a judge, but none is given.")
    try:
        said = judge(node)
    except PolicyError as error:
        decision.judge_failed, decision.reason = True, str(error)
        return None
    signal = as_signal(said)
    if signal is None and said is not None:
        raise InvalidValueError(f"A judge returns a number from 0 to 1, or None if it cannot tell, got {said!r}.")
    return signal


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
