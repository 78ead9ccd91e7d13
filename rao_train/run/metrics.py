"""What a run measures: pure functions from rollouts, credit and updates to named numbers.

``DESCRIPTIONS`` says what every name means; a name that ends in ``*`` stands for one for each depth or difficulty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from statistics import fmean
from typing import Final

import numpy as np

from rao_gym.rewards import Bonus, Source, is_non_part
from rao_gym.tree import Node, StopReason
from rao_train.credit import Credit, CreditedTrajectory, CreditSettings, node_rewards
from rao_train.learning.learner import LearnerMetrics, UpdateMetrics
from rao_train.rollout.trajectory import Rollout
from rao_train.rollout.worker import RolloutBatch

Metrics = dict[str, float]
"""Numbers by name; a number that could not be measured is left out."""

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "success/root": "Mean success signal s̃ of the roots; nodes without one are left out, here and below.",
    "success/difficulty_*": "The same for the tasks of one difficulty.",
    "success/depth_*": "Mean success signal of the nodes at one depth; 0 is the root.",
    "reward/root": "Mean local node reward R of the roots (Eq. 1) that enter the loss.",
    "reward/node": "Mean local node reward R of all nodes that enter the loss.",
    "advantage/mean": "Mean advantage (Eq. 3) of the trajectories that enter the loss.",
    "advantage/std": "Standard deviation of these advantages.",
    "credit/groups_filtered": "Share of the groups left out of the loss because their rewards are equal.",
    "credit/excluded": "Trajectories left out because their node, or all roots to compare it with, have no signal.",
    "credit/interrupted": "Trajectories left out because their nodes were cancelled or crashed.",
    "credit/trajectories": "Trajectories that enter the loss.",
    "credit/weight_depth_*": "Share of the loss's weight (Eq. 4) that is on the trajectories of one depth.",
    "bonus/paid": "Delegation bonus of all nodes of a tree (Eq. 1), λ included.",
    "bonus/refused": "What children that are no parts would have added to it if all children counted alike.",
    "tree/nodes": "Nodes of a tree.",
    "tree/depth": "Depth of a tree's deepest node.",
    "tree/turns": "Turns of all nodes of a tree.",
    "tree/critical_path": "Turns that have to follow each other.",
    "tree/delegation_rate": "Share of the nodes that launched at least one sub-agent.",
    "tree/refusals": "Launches refused in a tree.",
    "launch/divisible": "Share of the agents with divisible work that tried to launch; refused launches count.",
    "launch/indivisible": "The same of the agents with nothing to delegate, such as a single operation.",
    "launch/parts": "Children in a tree whose work is a part of their parent's, or of whom that is unknown.",
    "launch/non_parts": "Children in a tree whose work is no part of their parent's.",
    "tree/finished": "Share of the nodes that ended by finishing, not by a limit.",
    "tree/skipped": "Trees left out because the window or the model cannot hold their task's opening.",
    "tree/unanswered": "Nodes of the batch that ended because the engine gave up their turn; they have no signal.",
    "signals/judged": "Share of the nodes whose signal comes from the judge.",
    "signals/unjudged": "Nodes of the batch without a signal: the judge or the engine failed, or no source knows.",
    "signals/failures": "Nodes of the batch that the judge failed on; another source may have decided.",
    "tokens/generated": "Tokens that the model wrote.",
    "tokens/read": "Tokens of the trajectories that it did not write.",
    "tokens/per_trajectory": "Tokens of a trajectory.",
    "loss": "Loss, averaged over the optimizer steps that were taken.",
    "entropy": "Entropy in nats of the distributions that the generated tokens were drawn from.",
    "entropy/depth_*": "The same of what the nodes at one depth wrote; 0 is the root.",
    "gradient_norm": "Norm of the gradient before clipping.",
    "learning_rate": "Learning rate.",
    "learner/sharing": "Tokens of the trajectories over the positions that the learner computed for them.",
    "padding": "Share of what the learner read that was padding.",
    "ratio/mean": "Mean importance ratio π/μ before the clip.",
    "ratio/max": "Largest importance ratio before the clip.",
    "ratio/clipped": "Share of the ratios outside the clip's bounds.",
    "ratio/kl": "Estimate of KL(μ‖π), k3, over the generated tokens.",
    "steps/taken": "Optimizer steps taken on the batch.",
    "steps/skipped": "Optimizer steps skipped: an empty batch, no advantage, or a loss that is not finite.",
    "agreement/mean": "Mean |log π − log μ| between trainer and engine at the same weights, on sampled trajectories.",
    "agreement/max": "Largest of these differences.",
    "policy/version": "Weights of the learner: rollout batches learned from.",
    "policy/lag": "Mean over the generated tokens: how many versions older the weights are that wrote them.",
    "policy/lag_max": "Largest of these ages.",
    "curriculum/difficulty": "Mean difficulty of the tasks of the batch.",
    "seconds/step": "Time of the step.",
    "share/generation": "Share of the step's time in the engine.",
    "share/environment": "Share in runtimes and tokenizing.",
    "share/learning": "Share in the learner.",
    "speed/generated": "Generated tokens per second of generation.",
    "speed/learned": "Tokens read by the learner per second of learning.",
    "evaluation/success_*": "Mean success signal of one difficulty on tasks that are not trained on.",
    "evaluation/launch_*": "Share of the roots that tried to launch, by difficulty; refused launches count.",
    "evaluation/nodes_*": "Mean nodes of a tree, by difficulty.",
    "evaluation/depth_*": "Mean depth of a tree, by difficulty.",
    "evaluation/turns_*": "Mean turns of a tree, by difficulty.",
    "evaluation/tokens_*": "Mean tokens that the model wrote for a tree, by difficulty.",
}


def describe(name: str) -> str:
    """Return what a metric means; the empty text for an unknown name."""
    return next((text for pattern, text in DESCRIPTIONS.items() if fnmatchcase(name, pattern)), "")


def success_metrics(rollouts: Sequence[Rollout]) -> Metrics:
    """Return mean success signals, as credit sees them: of the roots, by difficulty, and by depth."""
    roots: list[float] = []
    by_difficulty: dict[int, list[float]] = {}
    by_depth: dict[int, list[float]] = {}
    for rollout in rollouts:
        for node_id, signal in rollout.signals.by_node.items():
            node = rollout.tree.nodes[node_id]
            by_depth.setdefault(node.depth, []).append(signal)
            if node.depth == 0:
                roots.append(signal)
                by_difficulty.setdefault(rollout.tree.task.difficulty, []).append(signal)
    metrics = {"success/root": fmean(roots)} if roots else {}
    metrics |= {f"success/difficulty_{key}": fmean(signals) for key, signals in sorted(by_difficulty.items())}
    return metrics | {f"success/depth_{key}": fmean(signals) for key, signals in sorted(by_depth.items())}


def tree_metrics(rollouts: Sequence[Rollout]) -> Metrics:
    """Return how trees went and what they look like."""
    trees = [rollout.tree for rollout in rollouts]
    nodes = [node for tree in trees for node in tree.nodes]
    return (
        success_metrics(rollouts)
        | launch_metrics(nodes)
        | {
            "launch/parts": sum(node.parent is not None and not is_non_part(node) for node in nodes) / len(trees),
            "launch/non_parts": sum(map(is_non_part, nodes)) / len(trees),
            "tree/nodes": fmean(len(tree) for tree in trees),
            "tree/depth": fmean(tree.depth for tree in trees),
            "tree/turns": fmean(tree.turns for tree in trees),
            "tree/critical_path": fmean(tree.critical_path() for tree in trees),
            "tree/delegation_rate": fmean(bool(node.children) for node in nodes),
            "tree/refusals": sum(node.refusals for node in nodes) / len(trees),
            "tree/finished": fmean(node.stop_reason is StopReason.FINISHED for node in nodes),
        }
    )


def launch_metrics(nodes: Sequence[Node]) -> Metrics:
    """Return how often agents try to launch, where that can help and where it cannot."""
    metrics: Metrics = {}
    for name, divisible in (("launch/divisible", True), ("launch/indivisible", False)):
        if tried := [node.tried_to_launch for node in nodes if node.turns and node.divisible is divisible]:
            metrics[name] = fmean(tried)
    return metrics


def rollout_metrics(batch: RolloutBatch) -> Metrics:
    """Return what the trees of a batch are like and what they cost."""
    trees = [rollout.tree for rollout in batch.rollouts]
    num_trajectories = sum(len(rollout.trajectories) for rollout in batch.rollouts)
    return tree_metrics(batch.rollouts) | {
        "curriculum/difficulty": fmean(tree.task.difficulty for tree in trees),
        "tree/skipped": batch.num_skipped,
        "signals/judged": sum(map(_num_judged, batch.rollouts)) / sum(map(len, trees)),
        "signals/unjudged": sum(rollout.signals.num_excluded for rollout in batch.rollouts),
        "signals/failures": sum(rollout.signals.num_failures for rollout in batch.rollouts),
        "tree/unanswered": sum(node.unanswered for tree in trees for node in tree.nodes),
        "tokens/generated": batch.num_generated,
        "tokens/read": batch.num_read,
        "tokens/per_trajectory": (batch.num_generated + batch.num_read) / max(1, num_trajectories),
        "speed/generated": batch.num_generated / max(batch.seconds_generating, 1e-9),
    }


def _num_judged(rollout: Rollout) -> int:
    """Return how many nodes have their signal from the judge."""
    return sum(source is Source.JUDGE for source in rollout.signals.sources.values())


def lag_metrics(batch: RolloutBatch, version: int) -> Metrics:
    """Return how much older than the learner's weights those are that wrote a batch.

    Args:
        batch: The rollouts. Their tokens may differ in age: an engine can take over new weights between two turns.
        version: Version of the learner's weights.
    """
    lags = [
        version - trajectory.versions_T[trajectory.mask_T]
        for rollout in batch.rollouts
        for trajectory in rollout.trajectories
    ]
    if not lags:
        return {}
    lags_P = np.concatenate(lags)
    return {"policy/lag": float(lags_P.mean()), "policy/lag_max": float(lags_P.max())}


def bonus_metrics(rollouts: Sequence[Rollout], settings: CreditSettings) -> Metrics:
    """Return how much delegation bonus a tree earned, and how much more it would have if every child counted."""
    paid = refused = 0.0
    for rollout in rollouts:
        signals = rollout.signals.by_node
        rewards = node_rewards(rollout, settings.delegation_bonus, bonus=settings.bonus)
        paid += sum(reward - signals[node] for node, reward in rewards.items())
        for node in rollout.tree.nodes if settings.bonus is not Bonus.ALL else ():
            non_parts = [signals.get(child.id, 0.0) for child in node.children if is_non_part(child)]
            refused += settings.delegation_bonus * sum(non_parts) / max(1, len(node.children))
    return {"bonus/paid": paid / len(rollouts), "bonus/refused": refused / len(rollouts)}


def weight_metrics(batches: Sequence[Sequence[CreditedTrajectory]]) -> Metrics:
    """Return how the loss's weight is spread over the depths, from the optimizer batches of a step."""
    by_depth: dict[int, float] = {}
    for credited in (credited for batch in batches for credited in batch):
        depth = credited.trajectory.depth
        by_depth[depth] = by_depth.get(depth, 0.0) + credited.weight
    total = sum(by_depth.values())
    return {f"credit/weight_depth_{depth}": weight / total for depth, weight in sorted(by_depth.items()) if total}


def credit_metrics(credit: Credit) -> Metrics:
    """Return what the trajectories of a step are worth."""
    metrics: Metrics = {
        "credit/groups_filtered": credit.num_groups_filtered / max(1, credit.num_groups),
        "credit/excluded": credit.num_excluded,
        "credit/interrupted": credit.num_interrupted,
        "credit/trajectories": len(credit.trajectories),
    }
    if not credit.trajectories:
        return metrics
    advantages = [credited.advantage for credited in credit.trajectories]
    mean = fmean(advantages)
    metrics |= {
        "reward/node": fmean(credited.reward for credited in credit.trajectories),
        "advantage/mean": mean,
        "advantage/std": math.sqrt(fmean((advantage - mean) ** 2 for advantage in advantages)),
    }
    roots = [credited.reward for credited in credit.trajectories if credited.trajectory.depth == 0]
    return metrics | ({"reward/root": fmean(roots)} if roots else {})


def update_metrics(updates: Sequence[UpdateMetrics]) -> Metrics:
    """Return what the optimizer steps of a batch did."""
    taken = [update for update in updates if update.skipped is None]
    metrics: Metrics = {"steps/taken": len(taken), "steps/skipped": len(updates) - len(taken)}
    if not taken:
        return metrics
    metrics |= {
        "loss": fmean(update.loss for update in taken),
        "entropy": fmean(update.entropy for update in taken),
        "gradient_norm": fmean(update.gradient_norm for update in taken),
        "learning_rate": taken[-1].learning_rate,
        "learner/sharing": fmean(update.sharing for update in taken),
        "padding": fmean(update.padding for update in taken),
    }
    policy = [update for update in taken if isinstance(update, LearnerMetrics)]
    for depth in sorted({depth for update in policy for depth in update.entropy_by_depth}):
        means = [update.entropy_by_depth[depth] for update in policy if depth in update.entropy_by_depth]
        metrics[f"entropy/depth_{depth}"] = fmean(means)
    if policy:
        metrics |= {
            "ratio/mean": fmean(update.ratio_mean for update in policy),
            "ratio/max": max(update.ratio_max for update in policy),
            "ratio/clipped": fmean(update.clipped for update in policy),
            "ratio/kl": fmean(update.kl for update in policy),
        }
    return metrics


def evaluation_metrics(batch: RolloutBatch) -> Metrics:
    """Return how a policy does by difficulty, from the trees that it grew."""
    by_difficulty: dict[int, list[Rollout]] = {}
    for rollout in batch.rollouts:
        by_difficulty.setdefault(rollout.tree.task.difficulty, []).append(rollout)
    metrics: Metrics = {}
    for difficulty, grown in sorted(by_difficulty.items()):
        signals = [rollout.signals.by_node[0] for rollout in grown if 0 in rollout.signals.by_node]
        metrics |= {f"evaluation/success_{difficulty}": fmean(signals)} if signals else {}
        metrics |= {
            f"evaluation/launch_{difficulty}": fmean(rollout.tree.root.tried_to_launch for rollout in grown),
            f"evaluation/nodes_{difficulty}": fmean(len(rollout.tree) for rollout in grown),
            f"evaluation/depth_{difficulty}": fmean(rollout.tree.depth for rollout in grown),
            f"evaluation/turns_{difficulty}": fmean(rollout.tree.turns for rollout in grown),
            f"evaluation/tokens_{difficulty}": fmean(map(_num_generated, grown)),
        }
    return metrics


def _num_generated(rollout: Rollout) -> int:
    """Return the tokens that the model wrote for a tree."""
    return sum(trajectory.num_learned for trajectory in rollout.trajectories)
