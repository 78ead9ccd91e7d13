"""The evaluator: plays tasks that are not trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rao_gym.registry import Setup
from rao_train.engines import Sampling
from rao_train.recipes.settings import EvaluationSettings
from rao_train.rollout.worker import PlannedRollout, RolloutBatch, RolloutWorker
from rao_train.run.phases import EVALUATION, SAMPLED
from rao_train.seeds import Purpose, seed_of


class Evaluator:
    """Plays the same tasks of each difficulty every time, one rollout each.

    Args:
        setup: The family and the settings of its episodes.
        settings: Which tasks, and how often.
        sampling: How the policy acts while it learns.
        new_worker: Makes a worker that draws in a given way.
        seed: Seeds tasks and draws.
    """

    def __init__(
        self,
        setup: Setup,
        settings: EvaluationSettings,
        sampling: Sampling,
        new_worker: Callable[[Sampling], RolloutWorker],
        *,
        seed: int,
    ) -> None:
        self._setup = setup
        self._settings = settings
        self._sampling = {
            EVALUATION: replace(sampling, temperature=settings.temperature),
            **({SAMPLED: sampling} if settings.sampled else {}),
        }
        self._new_worker = new_worker
        self._seed = seed

    def before(self, version: int) -> dict[str, RolloutBatch]:
        """Play what is due before the first training step; batches by their phase in the log."""
        if self._settings.first:
            return self._thorough(version)
        return self.on_the_way(0, version)

    def on_the_way(self, step: int, version: int) -> dict[str, RolloutBatch]:
        """Play what is due after so many training steps; batches by their phase in the log."""
        every = self._settings.every
        if not every or step % every:
            return {}
        return {EVALUATION: self.play(self._settings.tasks_on_the_way, version)}

    def final(self, version: int) -> dict[str, RolloutBatch]:
        """Play what is due after the last training step; batches by their phase in the log."""
        return self._thorough(version) if self._settings.final else {}

    def _thorough(self, version: int) -> dict[str, RolloutBatch]:
        """Play all tasks, in every way that the settings ask for."""
        return {phase: self.play(self._settings.tasks, version, phase) for phase in self._sampling}

    def play(self, num_tasks: int, version: int, phase: str = EVALUATION) -> RolloutBatch:
        """Play so many tasks of each difficulty with weights of this version, drawing as the phase does."""
        plans: list[PlannedRollout] = []
        for difficulty in self._settings.difficulties:
            for index in range(num_tasks):
                task = self._setup.family.sample(self._seed, self._settings.split, index, difficulty)
                seed = seed_of(self._seed, Purpose.EVALUATION, difficulty, index)
                plans.append(PlannedRollout(task=task, index=len(plans), group=len(plans), seed=seed))
        worker = self._new_worker(self._sampling[phase])
        try:
            return worker.grow(plans, policy_version=version)
        finally:
            worker.close()
