"""The weights on their way from the learner to the engine, and the check that both mean the same by them."""

from __future__ import annotations

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_train.engines import Engine
from rao_train.learning.learner import Learner
from rao_train.rollout.trajectory import Trajectory
from rao_train.rollout.worker import RolloutBatch
from rao_train.run.metrics import Metrics

COMPARED = 16
"""Trajectories of a batch on which trainer and engine are compared."""


class WeightHandover:
    """Hands the learner's weights to the engine and checks that the engine generates with them.

    Args:
        engine: Takes the weights.
        bound: Largest mean difference of log-probabilities; None for no bound.
    """

    def __init__(self, engine: Engine, *, bound: float | None) -> None:
        self._engine = engine
        self._bound = bound

    def give(self, version: int) -> None:
        """Hand over the learner's weights as they are now, under this version."""
        self._engine.sync_weights(version)

    def compare(self, learner: Learner, batch: RolloutBatch) -> Metrics:
        """Compare the log-probabilities of trainer and engine on a batch that the present weights generated.

        Raises:
            InvalidValueError: They differ by more than the bound: what is learned from such a batch is noise.
        """
        chosen: list[Trajectory] = []
        for rollout in batch.rollouts:
            chosen += rollout.trajectories[: COMPARED - len(chosen)]
        if not chosen:
            return {}
        differences = np.concatenate(
            [
                np.abs(ours - one.logprobs_T[one.mask_T])
                for ours, one in zip(learner.logprobs(chosen), chosen, strict=True)
            ]
        )
        mean, largest = float(differences.mean()), float(differences.max())
        if self._bound is not None and not mean <= self._bound:
            raise InvalidValueError(
                f"Trainer and engine disagree: their log-probabilities of the same tokens differ by {mean:.3g} on "
                f"average and by {largest:.3g} at most, where training.max_disagreement={self._bound:g} is allowed. "
                "Generate in the precision of the learner (learner.bf16), or use another engine."
            )
        return {"agreement/mean": mean, "agreement/max": largest}
