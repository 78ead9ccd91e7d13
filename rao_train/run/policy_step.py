"""One step of reinforcement learning: from a rollout batch to new weights."""

from __future__ import annotations

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_train.credit import Credit, CreditedTrajectory, CreditFunction, CreditSettings, weighted_by_depth
from rao_train.learning.batching import split
from rao_train.learning.learner import Learner, LearnerMetrics
from rao_train.recipes.settings import MinibatchUnit
from rao_train.rollout.worker import RolloutBatch
from rao_train.run.metrics import (
    Metrics,
    bonus_metrics,
    credit_metrics,
    rollout_metrics,
    update_metrics,
    weight_metrics,
)
from rao_train.seeds import Purpose, seed_of


class PolicyStep:
    """Credits the trajectories of a batch and takes the optimizer steps on them.

    Args:
        credit: Turns trees into advantages.
        settings: How.
        seed: Seeds which trajectory goes into which optimizer batch.
        minibatches: Optimizer batches of a rollout batch.
        minibatches_of: What they are drawn from.
    """

    def __init__(
        self,
        credit: CreditFunction,
        settings: CreditSettings,
        *,
        seed: int,
        minibatches: int,
        minibatches_of: MinibatchUnit = MinibatchUnit.TRAJECTORIES,
    ) -> None:
        self._credit = credit
        self._settings = settings
        self._seed = seed
        self._minibatches = minibatches
        self._key = _group_of if minibatches_of is MinibatchUnit.GROUPS else None

    def take(self, learner: Learner, batch: RolloutBatch, version: int) -> tuple[Metrics, list[LearnerMetrics]]:
        """Learn from a batch.

        Args:
            learner: Takes the optimizer steps.
            batch: The rollouts.
            version: Version of the learner's weights, which seeds the split.

        Returns:
            What was measured, and what each optimizer step did.

        Raises:
            InvalidValueError: The user's own credit assignment returned something else.
        """
        credited = self._credit(batch.rollouts, self._settings)
        if not isinstance(credited, Credit):
            raise InvalidValueError(f"Credit assignment returns a Credit, got {credited!r}.")
        rng = np.random.default_rng(seed_of(self._seed, Purpose.MINIBATCHES, version))
        parts = split(credited.trajectories, self._minibatches, rng, key=self._key) or [[]]
        if self._settings.depth_weighting:
            parts = [weighted_by_depth(part, self._settings.max_child_weight) for part in parts]
        updates = [learner.step(part) for part in parts]
        metrics = rollout_metrics(batch) | bonus_metrics(batch.rollouts, self._settings)
        return metrics | credit_metrics(credited) | weight_metrics(parts) | update_metrics(updates), updates


def _group_of(credited: CreditedTrajectory) -> int:
    """Return the group of a trajectory."""
    return credited.trajectory.group
