"""Where the tasks of reinforcement learning come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

import numpy as np

from rao_gym.curriculum import DifficultySchedule
from rao_gym.jsonable import JSON
from rao_gym.registry import Setup
from rao_gym.tasks.base import Task
from rao_train.rollout.trajectory import Rollout
from rao_train.seeds import Purpose, seed_of


@dataclass(frozen=True, kw_only=True)
class TaskGroup:
    """A task and how often it is played.

    Attributes:
        task: The task.
        size: G, the rollouts of the group.
    """

    task: Task[Any]
    size: int


class TaskSource(Protocol):
    """Chooses tasks, groups and their order, and hears how they went.

    A source must not keep a generator: whatever it draws is a function of `number`, its own seed and its state, so
    that a resumed run draws the same tasks.
    """

    def groups(self, number: int) -> Sequence[TaskGroup]:
        """Return the groups of a rollout batch, in order.

        Args:
            number: Rollout batches drawn before this one.
        """

    def update(self, rollouts: Sequence[Rollout]) -> None:
        """Take the finished rollouts of one group; called for each group of a batch, in order."""

    def state(self) -> dict[str, JSON]:
        """Return everything that the source has learned, in JSON form, for the checkpoint."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


class CurriculumTasks:
    """New tasks of the training split, whose difficulties a curriculum draws.

    Args:
        setup: The family and the settings of its episodes.
        schedule: Draws the difficulties.
        seed: Seeds tasks and difficulties.
        tasks_per_step: Groups of a rollout batch.
        group_size: Rollouts of a group.
    """

    def __init__(
        self, setup: Setup, schedule: DifficultySchedule, *, seed: int, tasks_per_step: int, group_size: int
    ) -> None:
        self._setup = setup
        self._schedule = schedule
        self._seed = seed
        self._tasks_per_step = tasks_per_step
        self._group_size = group_size

    def groups(self, number: int) -> list[TaskGroup]:
        """Return the groups of a rollout batch."""
        rng = np.random.default_rng(seed_of(self._seed, Purpose.TASKS, number))
        first, split = number * self._tasks_per_step, self._setup.settings.split
        return [
            TaskGroup(
                task=self._setup.family.sample(self._seed, split, index, self._schedule.draw(rng)),
                size=self._group_size,
            )
            for index in range(first, first + self._tasks_per_step)
        ]

    def update(self, rollouts: Sequence[Rollout]) -> None:
        """Tell the curriculum the mean success of a group; roots that a judge failed on do not count."""
        signals = [signal for rollout in rollouts if (signal := rollout.signals.by_node.get(0)) is not None]
        if signals:
            self._schedule.update(rollouts[0].tree.task.difficulty, fmean(signals))

    def state(self) -> dict[str, JSON]:
        """Return the curriculum's state."""
        return self._schedule.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the curriculum's state."""
        self._schedule.restore(state)
