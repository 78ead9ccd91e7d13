"""The evaluator: plays tasks that are not trained on."""

from __future__ import annotations

from collections.abc import Callable

from rao_gym.registry import Setup
from rao_train.recipes.settings import EvaluationSettings
from rao_train.rollout.worker import PlannedRollout, RolloutBatch, RolloutWorker
from rao_train.seeds import Purpose, seed_of


class Evaluator:
    """Plays the same tasks of each difficulty every time, one rollout each.

    Args:
        setup: The family and the settings of its episodes.
        settings: Which tasks, and how often.
        new_worker: Makes a worker that plays as the evaluation does.
        seed: Seeds tasks and draws.
    """

    def __init__(
        self, setup: Setup, settings: EvaluationSettings, new_worker: Callable[[], RolloutWorker], *, seed: int
    ) -> None:
        self._setup = setup
        self._settings = settings
        self._new_worker = new_worker
        self._seed = seed

    def is_due(self, step: int) -> bool:
        """Tell whether the policy is measured after so many training steps."""
        every = self._settings.every
        return every > 0 and step % every == 0

    def on_the_way(self, version: int) -> RolloutBatch:
        """Play the tasks of an evaluation before the last step."""
        return self.play(self._settings.tasks_on_the_way, version)

    def final(self, version: int) -> RolloutBatch:
        """Play the tasks of the evaluation after the last step."""
        return self.play(self._settings.tasks, version)

    def play(self, num_tasks: int, version: int) -> RolloutBatch:
        """Play so many tasks of each difficulty with weights of this version."""
        plans: list[PlannedRollout] = []
        for difficulty in self._settings.difficulties:
            for index in range(num_tasks):
                task = self._setup.family.sample(self._seed, self._settings.split, index, difficulty)
                seed = seed_of(self._seed, Purpose.EVALUATION, difficulty, index)
                plans.append(PlannedRollout(task=task, index=len(plans), group=len(plans), seed=seed))
        worker = self._new_worker()
        try:
            return worker.grow(plans, policy_version=version)
        finally:
            worker.close()
