"""A wrapper that chooses each episode's difficulty."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from rao_gym.curriculum import DifficultySchedule
from rao_gym.wrappers.base import recursive_env


class Curriculum(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Draws each episode's difficulty from a schedule, and reports the outcome to the schedule.

    Draws follow the seed of `reset`: the same seeds and outcomes give the same difficulties. A difficulty in `reset`'s
    ``options`` takes precedence; the outcome is reported all the same. Unfinished episodes, and episodes whose root
    could not be verified, are not reported. ``info["difficulty"]`` holds the difficulty.

    Args:
        env: The environment.
        schedule: A `FixedMixture`, an `AdaptiveDifficulty`, or your own schedule.

    Attributes:
        schedule: The schedule.

    Raises:
        UsageError: The environment is not one of this package.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], schedule: DifficultySchedule) -> None:
        RecordConstructorArgs.__init__(self, schedule=schedule)
        gymnasium.Wrapper.__init__(self, env)
        self.schedule = schedule
        self._env = recursive_env(env, "Curriculum")
        self._rng = np.random.default_rng()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode at the difficulty that the schedule draws.

        Args:
            seed: Starts a new series of tasks and draws; None continues the current one.
            options: The environment's options; a ``difficulty`` here takes precedence.
        """
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        drawn = {"difficulty": self.schedule.draw(self._rng)}
        observation, info = self.env.reset(seed=seed, options=drawn | (options or {}))
        return observation, self._marked(info)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and update the schedule if the episode ends with a verified root."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            tree = self._env.tree
            # A root that could not be verified has neither failed nor succeeded.
            if tree.root.signal is not None:
                self.schedule.update(tree.task.difficulty, tree.root.signal)
        return observation, reward, terminated, truncated, self._marked(info)

    def _marked(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return the info with the difficulty added."""
        return info | {"difficulty": self._env.tree.task.difficulty}
