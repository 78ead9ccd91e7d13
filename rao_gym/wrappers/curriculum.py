"""A wrapper that chooses the difficulty of every episode."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from rao_gym.curriculum import DifficultySchedule
from rao_gym.wrappers.base import recursive_env


class Curriculum(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Draws each episode's difficulty from a schedule, and tells the schedule how the episode went.

    Draws follow the seed of `reset`: the same seeds and outcomes give the same difficulties. An episode whose
    ``options`` name a difficulty keeps it; its outcome counts all the same. Episodes that were left unfinished, and
    those whose root nothing verified, tell the schedule nothing. ``info["difficulty"]`` has the difficulty.

    Args:
        env: The environment.
        schedule: A `FixedMixture`, an `AdaptiveDifficulty`, or one's own.

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
        """Begin an episode at the difficulty that the schedule draws.

        Args:
            seed: Begins a new series of tasks and of draws; None goes on with the present ones.
            options: As the environment takes them; a ``difficulty`` here is kept.
        """
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        drawn = {"difficulty": self.schedule.draw(self._rng)}
        observation, info = self.env.reset(seed=seed, options=drawn | (options or {}))
        return observation, self._marked(info)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and update the schedule when the episode ends with a verified root."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            tree = self._env.tree
            # A root that nothing verified has neither failed nor succeeded.
            if tree.root.signal is not None:
                self.schedule.update(tree.task.difficulty, tree.root.signal)
        return observation, reward, terminated, truncated, self._marked(info)

    def _marked(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return an info with the difficulty."""
        return info | {"difficulty": self._env.tree.task.difficulty}
