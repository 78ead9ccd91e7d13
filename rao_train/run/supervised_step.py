"""One step of the warm start: from demonstrations to new weights."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np

from rao_train.learning.learner import Learner, UpdateMetrics
from rao_train.rollout.trajectory import TokenSequence
from rao_train.run.metrics import Metrics, update_metrics
from rao_train.seeds import Purpose, seed_of


class SupervisedStep:
    """Draws demonstrations and takes an optimizer step on them.

    Args:
        demonstrations: What there is to learn from.
        seed: Seeds the draws.
        batch_size: Demonstrations of a step.
        num_skipped: Trees that are not among them because the window cannot hold their task's opening.
    """

    def __init__(
        self, demonstrations: Sequence[TokenSequence], *, seed: int, batch_size: int, num_skipped: int = 0
    ) -> None:
        self._demonstrations = demonstrations
        self._seed = seed
        self._batch_size = batch_size
        self._num_skipped = num_skipped

    def take(self, learner: Learner, tick: int) -> tuple[Metrics, list[UpdateMetrics]]:
        """Learn from some demonstrations.

        Args:
            learner: Takes the optimizer step.
            tick: Steps of the run so far, which seeds the draws.

        Returns:
            What was measured, and what the optimizer step did.
        """
        started = perf_counter()
        rng = np.random.default_rng(seed_of(self._seed, Purpose.SUPERVISION, tick))
        places = rng.integers(len(self._demonstrations), size=self._batch_size)
        update = learner.supervised_step([self._demonstrations[place] for place in places])
        seconds = perf_counter() - started
        metrics = update_metrics([update]) | {
            "tree/skipped": self._num_skipped,
            "seconds/step": seconds,
            "speed/learned": update.num_tokens / seconds,
        }
        return metrics, [update]
