"""Curricula: schedules that choose the difficulty of the next task.

They do not depend on Gymnasium; the `Curriculum` wrapper and the trainer both use them. A schedule draws only from the
generator that it is given, so an exact resume needs nothing but the states of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any, Protocol

import numpy as np

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.jsonable import JSON
from rao_gym.limits import check_count


class DifficultySchedule(Protocol):
    """Chooses difficulties, and adapts to how the tasks went."""

    def draw(self, rng: np.random.Generator) -> int:
        """Return the difficulty of the next task."""

    def update(self, difficulty: int, success: float) -> None:
        """Record the outcome of one task.

        Args:
            difficulty: Difficulty of the task.
            success: The root's success signal s̃ in [0, 1].
        """

    def state(self) -> dict[str, JSON]:
        """Return the schedule's state, in JSON form."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state` returned.

        Raises:
            InvalidValueError: The state belongs to another kind of schedule.
        """


class FixedMixture:
    """Draws each difficulty with a fixed probability.

    Args:
        weights: Weight by difficulty; weights are relative and need not sum to 1.

    Raises:
        InvalidValueError: There is no weight, a weight is negative or not finite, or all are 0.
    """

    def __init__(self, weights: Mapping[int, float]) -> None:
        for difficulty, weight in weights.items():
            check_count("a difficulty of the mixture", difficulty)
            if not 0 <= weight < float("inf"):
                raise InvalidValueError(f"The weight of difficulty {difficulty} must be at least 0, got {weight!r}.")
        total = sum(weights.values())
        if total <= 0:
            raise InvalidValueError(f"A mixture needs at least one weight above 0, got {dict(weights)!r}.")
        self._difficulties = sorted(weights)
        self._probabilities = [weights[difficulty] / total for difficulty in self._difficulties]

    def draw(self, rng: np.random.Generator) -> int:
        """Return the difficulty of the next task."""
        return int(rng.choice(self._difficulties, p=self._probabilities))

    def update(self, difficulty: int, success: float) -> None:
        """Do nothing: the mixture is fixed."""

    def state(self) -> dict[str, JSON]:
        """Return an empty object: the mixture is fixed."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Accept an empty state.

        Raises:
            InvalidValueError: The state belongs to another kind of schedule.
        """
        _check_state(state, set())


class AdaptiveDifficulty:
    """Moves one difficulty up or down so that the success rate stays near a target.

    After every `window` outcomes at the current difficulty, their mean is compared with the target. If it is at least
    `tolerance` above the target (or 1), the difficulty rises by one; if it is at least `tolerance` below (or 0), it
    falls by one. Then the window starts over. Outcomes at other difficulties, from late tasks or reviews, do not count.

    Args:
        target: The success rate to stay near, in [0, 1].
        start: The first difficulty.
        minimum: The lowest difficulty.
        maximum: The highest difficulty; None for no limit.
        window: Number of outcomes for each decision.
        tolerance: Smallest distance from the target at which the difficulty moves.
        review_share: Share of draws from the easier difficulties, chosen uniformly.

    Attributes:
        difficulty: The current difficulty.

    Raises:
        InvalidValueError: A value is out of range.
    """

    def __init__(
        self,
        *,
        target: float = 0.7,
        start: int = 1,
        minimum: int = 1,
        maximum: int | None = None,
        window: int = 32,
        tolerance: float = 0.1,
        review_share: float = 0.0,
    ) -> None:
        for name, share in (("target", target), ("tolerance", tolerance), ("review_share", review_share)):
            if not 0 <= share <= 1:
                raise InvalidValueError(f"{name} must be in [0, 1], got {share!r}.")
        for name, value in (("start", start), ("minimum", minimum), ("window", window)):
            check_count(name, value)
        check_count("maximum", maximum, optional=True)
        if not minimum <= start or (maximum is not None and not start <= maximum):
            raise InvalidValueError(f"start must be between minimum={minimum} and maximum={maximum}, got {start}.")
        self.target, self.tolerance, self.review_share = target, tolerance, review_share
        self.minimum, self.maximum, self.window = minimum, maximum, window
        self.difficulty = start
        self._outcomes: list[float] = []

    def draw(self, rng: np.random.Generator) -> int:
        """Return the current difficulty, or an easier one for review."""
        if self.difficulty > self.minimum and rng.random() < self.review_share:
            return int(rng.integers(self.minimum, self.difficulty))
        return self.difficulty

    def update(self, difficulty: int, success: float) -> None:
        """Record an outcome at the current difficulty, and move when the window is full."""
        if difficulty != self.difficulty:
            return
        self._outcomes.append(float(success))
        if len(self._outcomes) < self.window:
            return
        rate = fmean(self._outcomes)
        self._outcomes = []
        if rate >= min(1.0, self.target + self.tolerance):
            harder = self.difficulty + 1
            self.difficulty = harder if self.maximum is None else min(harder, self.maximum)
        elif rate <= max(0.0, self.target - self.tolerance):
            self.difficulty = max(self.minimum, self.difficulty - 1)

    def state(self) -> dict[str, JSON]:
        """Return the current difficulty and the outcomes in the window."""
        return {"difficulty": self.difficulty, "outcomes": list(self._outcomes)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state` returned.

        Raises:
            InvalidValueError: The state belongs to another kind of schedule.
        """
        _check_state(state, {"difficulty", "outcomes"})
        self.difficulty = int(state["difficulty"])
        self._outcomes = [float(outcome) for outcome in state["outcomes"]]


def _check_state(state: Mapping[str, Any], names: set[str]) -> None:
    """Check that a state has exactly these entries.

    Raises:
        InvalidValueError: An entry is unknown or missing.
    """
    for name in state:
        if name not in names:
            raise unknown_name("entry of a schedule's state", name, sorted(names))
    if missing := names - set(state):
        raise InvalidValueError(f"The schedule's state lacks {', '.join(sorted(missing))}.")
