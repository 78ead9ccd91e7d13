"""Curricula: strategies that choose the difficulty of the next task.

They know nothing of Gymnasium: the `Curriculum` wrapper and the trainer both drive them. A strategy draws from the
generator that it is given and keeps no other source of chance, so its state and the generator's are all that an
exact resume needs.
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
    """Chooses difficulties, and learns from how the tasks went."""

    def draw(self, rng: np.random.Generator) -> int:
        """Return the difficulty of the next task."""

    def update(self, difficulty: int, success: float) -> None:
        """Take the outcome of one task.

        Args:
            difficulty: Difficulty of the task.
            success: The root's success signal s̃ in [0, 1].
        """

    def state(self) -> dict[str, JSON]:
        """Return everything that the schedule has learned, in JSON form."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            InvalidValueError: The state is not one of this kind of schedule.
        """


class FixedMixture:
    """Draws each difficulty with a fixed probability.

    Args:
        weights: Difficulty to weight; weights are relative and need not sum to 1.

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
        """Learn nothing: the mixture is fixed."""

    def state(self) -> dict[str, JSON]:
        """Return an empty object: the mixture is fixed."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back an empty state.

        Raises:
            InvalidValueError: The state is that of another kind of schedule.
        """
        _check_state(state, set())


class AdaptiveDifficulty:
    """Moves one difficulty up or down so that the success rate stays near a target.

    After every `window` outcomes at the present difficulty their mean is compared with the target: `tolerance` or
    more above it (or at 1), the difficulty rises by one; `tolerance` or more below it (or at 0), it falls by one.
    Then the count begins anew. Outcomes at other difficulties, which are late or from a review, do not count.

    Args:
        target: The success rate to stay near, in [0, 1].
        start: The first difficulty.
        minimum: The lowest difficulty.
        maximum: The highest difficulty; None for no end.
        window: Outcomes that each decision rests on.
        tolerance: How far from the target a rate may be without a move.
        review_share: Share of draws that go back to one of the easier difficulties, chosen uniformly.

    Attributes:
        difficulty: The present difficulty.

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
        """Return the present difficulty, or an easier one for review."""
        if self.difficulty > self.minimum and rng.random() < self.review_share:
            return int(rng.integers(self.minimum, self.difficulty))
        return self.difficulty

    def update(self, difficulty: int, success: float) -> None:
        """Count an outcome at the present difficulty, and move when the window is full."""
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
        """Return the present difficulty and the outcomes counted so far."""
        return {"difficulty": self.difficulty, "outcomes": list(self._outcomes)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            InvalidValueError: The state is that of another kind of schedule.
        """
        _check_state(state, {"difficulty", "outcomes"})
        self.difficulty = int(state["difficulty"])
        self._outcomes = [float(outcome) for outcome in state["outcomes"]]


def _check_state(state: Mapping[str, Any], names: set[str]) -> None:
    """Check that a state has exactly these entries.

    Raises:
        InvalidValueError: It has not.
    """
    for name in state:
        if name not in names:
            raise unknown_name("entry of a schedule's state", name, sorted(names))
    if missing := names - set(state):
        raise InvalidValueError(f"The schedule's state lacks {', '.join(sorted(missing))}.")
