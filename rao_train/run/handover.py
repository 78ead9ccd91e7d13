"""The weights on their way from the learner to the engine, and the check that both mean the same by them."""

from __future__ import annotations

import numpy as np

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
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def give(self, version: int) -> None:
        """Hand over the learner's weights as they are now, under this version."""
        self._engine.sync_weights(version)

    def compare(self, learner: Learner, batch: RolloutBatch) -> Metrics:
        """Compare the log-probabilities of trainer and engine on a batch that the present weights generated."""
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
        return {"agreement/mean": float(differences.mean()), "agreement/max": float(differences.max())}
