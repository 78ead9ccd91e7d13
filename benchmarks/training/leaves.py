"""Depth weights that hold down nothing but the leaves: a test of why Eq. 4 can slow the discovery of delegation.

While launches are rare, Eq. 4 makes a child weigh many times as much as a root. Children whose work is a single
operation answer at once and are right, so that one explanation says: the weights amplify "answer at once", and what the
policy learns on single operations spreads to nested expressions. If that is so, holding down these children alone must
help as much as holding down all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rao_train.credit import Credit, CreditedTrajectory, CreditSettings, credit, weighted_by_depth
from rao_train.rollout.trajectory import Rollout


def light_leaves(rollouts: Sequence[Rollout], settings: CreditSettings) -> Credit:
    """Give credit, and depth weights in which no child with nothing to delegate weighs more than a root.

    All other weights have the ratios of Eq. 4; together, they sum to the number of trajectories. Depths are counted
    over the whole step, which needs ``depth_weighting=false``, lest the trainer multiplies the weights by its own.
    """
    credited = credit(rollouts, settings)
    trees = {rollout.index: rollout.tree for rollout in rollouts}
    weighted = weighted_by_depth(credited.trajectories)
    of_a_root = min((item.weight for item in weighted if item.trajectory.depth == 0), default=float("inf"))

    def lightened(item: CreditedTrajectory) -> float:
        node = trees[item.trajectory.rollout].nodes[item.trajectory.node]
        return min(item.weight, of_a_root) if node.divisible is False else item.weight

    weights = [lightened(item) for item in weighted]
    scale = len(weights) / sum(weights) if weights else 1.0
    trajectories = [replace(item, weight=weight * scale) for item, weight in zip(weighted, weights, strict=True)]
    return replace(credited, trajectories=trajectories)
