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


@dataclass(frozen=True, kw_only=True)
class TaskSourceParts:
    """What a task source is made of.

    Attributes:
        setup: The family and the settings of its episodes.
        schedule: The recipe's curriculum.
        seed: Seeds tasks and difficulties.
        tasks_per_step: Groups of a rollout batch.
        group_size: Rollouts of a group.
    """

    setup: Setup
    schedule: DifficultySchedule
    seed: int
    tasks_per_step: int
    group_size: int


class CurriculumTasks:
    """New tasks of the training split, whose difficulties a curriculum draws.

    Args:
        parts: What it is made of.
    """

    def __init__(self, parts: TaskSourceParts) -> None:
        self._parts = parts

    def groups(self, number: int) -> list[TaskGroup]:
        """Return the groups of a rollout batch."""
        parts = self._parts
        rng = np.random.default_rng(seed_of(parts.seed, Purpose.TASKS, number))
        first, split = number * parts.tasks_per_step, parts.setup.settings.split
        return [
            TaskGroup(
                task=parts.setup.family.sample(parts.seed, split, index, parts.schedule.draw(rng)),
                size=parts.group_size,
            )
            for index in range(first, first + parts.tasks_per_step)
        ]

    def update(self, rollouts: Sequence[Rollout]) -> None:
        """Tell the curriculum the mean success of a group; roots that a judge failed on do not count."""
        signals = [signal for rollout in rollouts if (signal := rollout.signals.by_node.get(0)) is not None]
        if signals:
            self._parts.schedule.update(rollouts[0].tree.task.difficulty, fmean(signals))

    def state(self) -> dict[str, JSON]:
        """Return the curriculum's state."""
        return self._parts.schedule.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the curriculum's state."""
        self._parts.schedule.restore(state)
