"""Rollout batches: planned from a task source, grown with the present weights, and queued to be learned from."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.jsonable import JSON
from rao_train.rollout.batch_json import batch_from_json, batch_to_json
from rao_train.rollout.worker import PlannedRollout, RolloutBatch, RolloutWorker
from rao_train.run.task_source import TaskGroup, TaskSource
from rao_train.seeds import Purpose, seed_of


class RolloutQueue:
    """Grows rollout batches and hands them out in the order in which they were grown.

    With `staleness` above 0 that many batches wait in between, so that each is learned from with weights that are as
    many versions newer than those that generated it: what an asynchronous trainer does, made deterministic.

    Args:
        source: Chooses the tasks.
        worker: Grows the trees.
        seed: Seeds the draws of the trees.
        staleness: Batches that wait.
    """

    def __init__(self, source: TaskSource, worker: RolloutWorker, *, seed: int, staleness: int) -> None:
        self._source = source
        self._worker = worker
        self._seed = seed
        self._staleness = staleness
        self._waiting: deque[RolloutBatch] = deque()
        self._num_drawn = 0

    @property
    def is_full(self) -> bool:
        """Whether a batch can be taken."""
        return len(self._waiting) > self._staleness

    def take(self) -> RolloutBatch:
        """Return the oldest batch."""
        return self._waiting.popleft()

    def grow(self, version: int) -> RolloutBatch:
        """Grow the next batch, add it to the queue, and tell the source how it went.

        Growing changes the queue and the source as a whole or not at all: an interrupted batch counts as never drawn.

        Args:
            version: Version of the engine's weights.
        """
        before = self._source.state()
        try:
            batch = self._worker.grow(self._plans(), policy_version=version)
            for rollouts in batch.groups():
                self._source.update(rollouts)
        except BaseException:
            self._source.restore(before)
            raise
        self._num_drawn += 1
        self._waiting.append(batch)
        return batch

    def state(self) -> dict[str, JSON]:
        """Return what goes into a checkpoint beside the waiting batches."""
        return {"num_drawn": self._num_drawn, "source": self._source.state()}

    def waiting(self) -> str:
        """Return the waiting batches as JSON lines."""
        return "\n".join(map(batch_to_json, self._waiting))

    def restore(self, state: Mapping[str, Any], waiting: str) -> None:
        """Go on from what `state` and `waiting` returned."""
        self._num_drawn = state["num_drawn"]
        self._source.restore(state["source"])
        self._waiting = deque(map(batch_from_json, waiting.splitlines()))

    def _plans(self) -> list[PlannedRollout]:
        """Return the trees of the next batch.

        Raises:
            InvalidValueError: The source returned something that is no group, or no group at all.
        """
        plans: list[PlannedRollout] = []
        for place, group in enumerate(self._source.groups(self._num_drawn)):
            if not isinstance(group, TaskGroup):
                raise InvalidValueError(f"A task source returns TaskGroups, got {group!r}.")
            for _ in range(group.size):
                seed = seed_of(self._seed, Purpose.DRAWS, self._num_drawn, len(plans))
                plans.append(PlannedRollout(task=group.task, index=len(plans), group=place, seed=seed))
        if not plans:
            raise InvalidValueError("The task source returned no rollouts for a batch.")
        return plans
