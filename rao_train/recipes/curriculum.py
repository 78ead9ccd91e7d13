"""The sections ``curriculum`` and ``tasks`` of a recipe: which tasks are learned on, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rao_gym.curriculum import AdaptiveDifficulty, DifficultySchedule, FixedMixture
from rao_gym.plugins import build_part, check_methods, check_part

FIXED: Final = "fixed"
ADAPTIVE: Final = "adaptive"
CURRICULUM: Final = "curriculum"


@dataclass(frozen=True, kw_only=True)
class CurriculumSettings:
    """How difficulties are chosen.

    Attributes:
        kind: ``fixed``, by weights; ``adaptive``, which stays near a success rate; or ``module:name`` for a schedule of
            your own, see `rao_gym.curriculum.DifficultySchedule`.
        options: Keyword arguments of a schedule of your own.
        difficulties: For ``fixed``: difficulty to weight.
        target: For ``adaptive``: the success rate.
        start: For ``adaptive``: the first difficulty.
        maximum: For ``adaptive``: the highest difficulty; 0 for no end.
        window: For ``adaptive``: outcomes that each move rests on.
    """

    kind: str = FIXED
    options: Mapping[str, Any] = field(default_factory=dict)
    difficulties: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})
    target: float = 0.7
    start: int = 1
    maximum: int = 0
    window: int = 32

    def __post_init__(self) -> None:
        """Check the values; a schedule of the user's own is imported when the run is set up.

        Raises:
            UnknownNameError: There is no such kind.
            InvalidValueError: A value is out of range.
        """
        check_part("curriculum.kind", self.kind, (FIXED, ADAPTIVE), self.options)
        FixedMixture(self.difficulties)
        self._adaptive()

    def schedule(self) -> DifficultySchedule:
        """Return a new schedule.

        Raises:
            InvalidValueError: The user's own cannot be imported or built, or lacks a method.
        """
        if self.kind == FIXED:
            return FixedMixture(self.difficulties)
        if self.kind == ADAPTIVE:
            return self._adaptive()
        schedule: DifficultySchedule = build_part("curriculum", self.kind, self.options)
        check_methods("curriculum", self.kind, schedule, ("draw", "update", "state", "restore"))
        return schedule

    def _adaptive(self) -> AdaptiveDifficulty:
        """Return the adaptive schedule."""
        return AdaptiveDifficulty(
            target=self.target, start=self.start, maximum=self.maximum or None, window=self.window
        )


@dataclass(frozen=True, kw_only=True)
class TasksSettings:
    """Where the tasks of a rollout batch come from.

    Attributes:
        source: ``curriculum``, new tasks of the training split whose difficulties the curriculum draws; or
            ``module:name`` for a source of your own, see `rao_train.run.task_source.TaskSource`.
        options: Keyword arguments of a source of your own.
    """

    source: str = CURRICULUM
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the name.

        Raises:
            UnknownNameError: There is no such source.
            InvalidValueError: The built-in source is given options.
        """
        check_part("tasks.source", self.source, (CURRICULUM,), self.options)
