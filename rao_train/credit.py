"""Credit assignment of RAO (arXiv:2605.06639, Section 3): from finished trees to advantages and weights.

In reading order:

    Eq. 1   node_rewards             R(X) = s̃(X) + λ · mean of s̃(c) over the children c in C(X) that count
    Eq. 3   leave_one_out_baselines  A(τ) = R(τ) − mean of R_root(g') over the other trees g' of its group
    Eq. 4   depth_weights            w_d = α / N_d,  α = N / number of depths that occur
            with max_child_weight    w_d = α / max(N_d, N_0 / c) below the root; α keeps the sum at N

    s̃       signals, success signals in [0, 1]      λ     delegation_bonus
    R       rewards, local node rewards             G     rollouts of a group, `_G`
    A       advantages                              N     trajectories that enter the loss, `_N`
    C(X)    node.children                           N_d   those of them at depth d
    c       max_child_weight, in weights of a root

`credit` puts Eq. 1 and 3 together for the trees of a training step. Eq. 4 counts the trajectories of one
optimizer batch, so `weighted_by_depth` is called after the split into such batches. Eq. 5 is in `loss`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rao_gym import rewards
from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.plugins import check_part
from rao_gym.rewards import Bonus
from rao_gym.tree import StopReason
from rao_train.rollout.trajectory import Rollout, Trajectory

INTERRUPTED = frozenset({StopReason.CANCELLED, StopReason.CRASHED})
"""How nodes end through no deed of their own. What they wrote says nothing of their policy: they leave the loss."""


RAO = "rao"


class RewardScope(StrEnum):
    """Whose reward a node's trajectory is trained on."""

    NODE = "node"
    ROOT = "root"


class Baseline(StrEnum):
    """What a reward is compared with."""

    LEAVE_ONE_OUT = "leave_one_out"
    NONE = "none"


class GroupFilter(StrEnum):
    """Which groups are left out of the loss.

    With ``equal_rewards``, those in which every node of every tree has the same reward: the leave-one-out baseline
    makes all their advantages 0, so that only the weights and the normalization notice. Without a baseline the
    rewards are the advantages, and none of these groups is left out. With ``equal_roots``, those whose root rewards
    are all the same, even if some sub-agents did better than others.
    """

    NONE = "none"
    EQUAL_REWARDS = "equal_rewards"
    EQUAL_ROOTS = "equal_roots"


_CHOICES: Final[Mapping[str, type[StrEnum]]] = {
    "bonus": Bonus,
    "reward": RewardScope,
    "baseline": Baseline,
    "group_filter": GroupFilter,
}


@dataclass(frozen=True, kw_only=True)
class CreditSettings:
    """How trees become advantages.

    Attributes:
        name: ``rao``, or ``module:name`` for credit of your own; see `CreditFunction`.
        options: Keyword arguments of credit that is a class.
        delegation_bonus: λ of Eq. 1; 0.4 for policies that delegate too little, 0 for those that do.
        bonus: Which children earn their parent the bonus: ``parts`` of its work, ``all`` as in the paper, which
            invites launching trivial ones, or ``gated``, parts where the node or the root succeeds.
        reward: ``node`` for each node's own reward, ``root`` for that of its tree's root.
        baseline: ``leave_one_out`` for Eq. 3, ``none`` to use the reward as the advantage.
        group_filter: Groups to leave out; see `GroupFilter`.
        depth_weighting: Whether Eq. 4 weighs the trajectories; otherwise all weigh 1.
        max_child_weight: How many times a root's weight the depth weights give a trajectory below the root at most;
            ``none`` for Eq. 4 as it is, in which the first few children of a policy that hardly delegates outweigh
            its roots many times.
    """

    name: str = RAO
    options: Mapping[str, Any] = field(default_factory=dict)
    delegation_bonus: float = 0.4
    bonus: Bonus = Bonus.PARTS
    reward: RewardScope = RewardScope.NODE
    baseline: Baseline = Baseline.LEAVE_ONE_OUT
    group_filter: GroupFilter = GroupFilter.EQUAL_REWARDS
    depth_weighting: bool = True
    max_child_weight: float | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: The bonus is negative or not finite, or the largest weight is not positive and finite.
            UnknownNameError: A choice is not one of those described.
        """
        check_part("credit", self.name, (RAO,), self.options)
        if not 0 <= self.delegation_bonus < float("inf"):
            raise InvalidValueError(f"delegation_bonus must be at least 0, got {self.delegation_bonus!r}.")
        if self.max_child_weight is not None and not 0 < self.max_child_weight < float("inf"):
            raise InvalidValueError(
                f"max_child_weight must be above 0, or none for no bound, got {self.max_child_weight!r}."
            )
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in list(choices):
                raise unknown_name(name, value, [choice.value for choice in choices])
            object.__setattr__(self, name, choices(value))  # text from a file becomes the enum's member


@dataclass(frozen=True, kw_only=True, eq=False)
class CreditedTrajectory:
    """A trajectory with what the loss multiplies it by.

    Attributes:
        trajectory: The tokens.
        reward: R of its node.
        advantage: A of Eq. 3.
        weight: w of Eq. 4.
    """

    trajectory: Trajectory
    reward: float
    advantage: float
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Credit:
    """The trajectories of a training step that enter the loss, and counts of those that do not.

    Attributes:
        trajectories: Group by group, in the order of their trees and nodes; `credit` leaves their weights at 1.
        num_groups: Groups that were given.
        num_groups_filtered: Groups left out by the filter.
        num_filtered: Trajectories of these groups.
        num_excluded: Trajectories without a reward or a baseline, because a judge failed.
        num_interrupted: Trajectories of nodes that were cancelled or crashed.
    """

    trajectories: Sequence[CreditedTrajectory]
    num_groups: int
    num_groups_filtered: int
    num_filtered: int
    num_excluded: int
    num_interrupted: int


CreditFunction = Callable[[Sequence[Rollout], CreditSettings], Credit]
"""What `credit` is: takes the trees of all groups of a training step and returns what enters the loss."""


def node_rewards(
    rollout: Rollout,
    delegation_bonus: float,
    scope: RewardScope = RewardScope.NODE,
    bonus: Bonus = Bonus.PARTS,
) -> Mapping[int, float]:
    """Return R by node id (Eq. 1).

    A parent's mean is over the children that count, a failed one as 0; a refused launch made no child.

    Args:
        rollout: A finished tree.
        delegation_bonus: λ.
        scope: With ``root``, every node gets the root's R.
        bonus: Which children count.

    Returns:
        R of the nodes that have one: a node whose judge failed has none.
    """
    by_node = rewards.node_rewards(rollout.tree, rollout.signals.by_node, delegation_bonus, bonus=bonus)
    if scope is RewardScope.NODE:
        return by_node
    root = rollout.tree.root.id
    return {node.id: by_node[root] for node in rollout.tree.nodes} if root in by_node else {}


def leave_one_out_baselines(root_rewards_G: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each rollout of a group, the mean root reward of the others (Eq. 3).

    Args:
        root_rewards_G: R of the roots, [G] with G ≥ 2; NaN where a judge failed.

    Returns:
        The baselines, [G]; NaN where no other rollout has a root reward. If all rewards are equal, so are the
        baselines, bit for bit.

    Raises:
        InvalidValueError: There is only one rollout.
    """
    if len(root_rewards_G) < 2:
        raise InvalidValueError(
            f"The leave_one_out baseline needs at least 2 rollouts of each task, got {len(root_rewards_G)}: "
            "raise the group size or set baseline to 'none'."
        )
    known_G = ~np.isnan(root_rewards_G)
    if not known_G.any():
        return np.full_like(root_rewards_G, np.nan)
    reference = root_rewards_G[known_G][0]  # sums of differences from it are exact where rewards are equal
    differences_G = np.where(known_G, root_rewards_G - reference, 0.0)
    num_others_G = known_G.sum() - known_G
    others_G = differences_G.sum() - differences_G
    return np.where(num_others_G > 0, reference + others_G / np.maximum(num_others_G, 1), np.nan)


def depth_weights(depths_N: NDArray[np.integer], max_child_weight: float | None = None) -> NDArray[np.float64]:
    """Return w = α / N_d for each trajectory of an optimizer batch (Eq. 4).

    Every depth that occurs then carries the same total weight. With a bound c on the weight of children, a depth below
    the root with fewer than N_0 / c trajectories counts as if it had so many, and carries less. Either way, the weights
    sum to N.

    Args:
        depths_N: Depth of each trajectory that enters the loss, [N].
        max_child_weight: c, in weights of a root; None for no bound.

    Returns:
        The weights, [N].
    """
    depths, place_N, counts = np.unique(depths_N, return_inverse=True, return_counts=True)
    floor = 0.0 if max_child_weight is None else np.sum(counts[depths == 0]) / max_child_weight
    divisors = np.where(depths > 0, np.maximum(counts, floor), counts)
    alpha = len(depths_N) / max(1.0, np.sum(counts / divisors))
    return np.asarray(alpha / divisors[place_N], dtype=np.float64)


def weighted_by_depth(
    batch: Sequence[CreditedTrajectory], max_child_weight: float | None = None
) -> list[CreditedTrajectory]:
    """Return the trajectories of one optimizer batch with their weights multiplied by those of Eq. 4."""
    depths_N = np.array([credited.trajectory.depth for credited in batch], dtype=np.int64)
    weights_N = depth_weights(depths_N, max_child_weight)
    return [
        replace(credited, weight=credited.weight * float(weight))
        for credited, weight in zip(batch, weights_N, strict=True)
    ]


def credit(rollouts: Sequence[Rollout], settings: CreditSettings) -> Credit:
    """Give every trajectory of a training step its reward and its advantage.

    Args:
        rollouts: The trees of all groups, in any order.
        settings: How.

    Raises:
        InvalidValueError: A group has only one tree, and the baseline needs two.
    """
    groups: dict[int, list[Rollout]] = {}
    for rollout in rollouts:
        groups.setdefault(rollout.group, []).append(rollout)
    kept: list[CreditedTrajectory] = []
    num_groups_filtered = num_filtered = num_excluded = num_interrupted = 0
    for group in groups.values():
        rewards_G = [
            node_rewards(rollout, settings.delegation_bonus, settings.reward, settings.bonus) for rollout in group
        ]
        baselines_G = _baselines(rewards_G, settings.baseline)
        if _filtered(rewards_G, settings):
            num_groups_filtered += 1
            num_filtered += sum(len(rollout.trajectories) for rollout in group)
            continue
        for rollout, by_node, baseline in zip(group, rewards_G, baselines_G, strict=True):
            for trajectory in rollout.trajectories:
                if rollout.tree.nodes[trajectory.node].stop_reason in INTERRUPTED:
                    num_interrupted += 1
                    continue
                reward = by_node.get(trajectory.node)
                if reward is None or np.isnan(baseline):
                    num_excluded += 1
                    continue
                advantage = float(reward - baseline)
                kept.append(CreditedTrajectory(trajectory=trajectory, reward=reward, advantage=advantage))
    return Credit(
        trajectories=kept,
        num_groups=len(groups),
        num_groups_filtered=num_groups_filtered,
        num_filtered=num_filtered,
        num_excluded=num_excluded,
        num_interrupted=num_interrupted,
    )


def _baselines(rewards_G: Sequence[Mapping[int, float]], baseline: Baseline) -> NDArray[np.float64]:
    """Return the baseline of each tree of a group, [G]."""
    if baseline is Baseline.NONE:
        return np.zeros(len(rewards_G))
    return leave_one_out_baselines(np.array([by_node.get(0, np.nan) for by_node in rewards_G]))


def _filtered(rewards_G: Sequence[Mapping[int, float]], settings: CreditSettings) -> bool:
    """Tell whether a group is left out of the loss."""
    if settings.group_filter is GroupFilter.NONE:
        return False
    if settings.group_filter is GroupFilter.EQUAL_ROOTS:
        return len({by_node[0] for by_node in rewards_G if 0 in by_node}) == 1
    if settings.baseline is Baseline.NONE:
        return False  # equal rewards are then equal advantages, but not 0
    return len({reward for by_node in rewards_G for reward in by_node.values()}) == 1
