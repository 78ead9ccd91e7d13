"""A wrapper with fixed spaces: a few named actions and a vector of numbers, for algorithms that cannot handle text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from rao_gym.envs.observation import LIMIT_NAMES, MAX_COUNT, NO_LIMIT
from rao_gym.errors import InvalidValueError
from rao_gym.policies.base import Turn
from rao_gym.wrappers.base import recursive_env

Action = str | Callable[[Turn], str]
"""An action text, or a function that writes one for a turn."""

Features = Callable[[Turn], NDArray[np.float32]]
"""Additional features of a turn, beyond depth and limits."""

_MAX_LOG = float(np.log2(1 + MAX_COUNT))


class FixedActions(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Plays with a fixed set of actions, as libraries such as Stable-Baselines3 require.

    An action is the index of a named action. An observation is a vector: the depth and what is left of each limit, in
    the order of `LimitsLeft`, then the features. A count n is encoded as log2(1 + n) / 31, which is in [0, 1], and a
    missing limit as -1. After the episode's end, the vector is all zeros.

    Args:
        env: The environment.
        actions: Actions by name: a text, or a function from the turn to a text.
        features: A function from the turn to a vector of additional features.
        feature_space: The space of that vector; required with `features`.

    Attributes:
        action_names: The names of the actions, by index.

    Raises:
        InvalidValueError: There are no actions, or only one of `features` and `feature_space` is given.
        UsageError: The environment is not one of this package.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, str],
        actions: Mapping[str, Action],
        *,
        features: Features | None = None,
        feature_space: spaces.Box | None = None,
    ) -> None:
        RecordConstructorArgs.__init__(self, actions=actions, features=features, feature_space=feature_space)
        gymnasium.Wrapper.__init__(self, env)
        if not actions:
            raise InvalidValueError("FixedActions needs at least one action.")
        if (features is None) != (feature_space is None):
            raise InvalidValueError("features and feature_space must be given together.")
        self._env = recursive_env(env, "FixedActions")
        self.action_names = tuple(actions)
        self._actions = tuple(actions.values())
        self._features = features
        self._num_features = 0 if feature_space is None else int(np.prod(feature_space.shape))
        self.action_space = spaces.Discrete(len(actions))
        self.observation_space = _vector_space(feature_space)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode."""
        _, info = self.env.reset(seed=seed, options=options)
        return self._observe(self._env.turn), info

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], SupportsFloat, bool, bool, dict[str, Any]]:
        """Act for the agent whose turn it is, with the action of this index."""
        chosen = self._actions[int(action)]
        text = chosen if isinstance(chosen, str) else chosen(self._env.turn)
        _, reward, terminated, truncated, info = self.env.step(text)
        turn = None if terminated or truncated else self._env.turn
        return self._observe(turn), reward, terminated, truncated, info

    def _observe(self, turn: Turn | None) -> NDArray[np.float32]:
        """Return a turn as a vector; None stands for the end of the episode."""
        if turn is None:
            return np.zeros(1 + len(LIMIT_NAMES) + self._num_features, dtype=np.float32)
        limits = asdict(turn.limits)
        counts = [_scaled(turn.depth), *(_scaled(limits[name]) for name in LIMIT_NAMES)]
        features = [] if self._features is None else [np.asarray(self._features(turn), dtype=np.float32).ravel()]
        return np.concatenate([np.array(counts, dtype=np.float32), *features])


def _scaled(count: int | None) -> float:
    """Return log2(1 + n) / 31 for a count n, and -1 for no limit."""
    return float(NO_LIMIT) if count is None else min(float(np.log2(1 + count)) / _MAX_LOG, 1.0)


def _vector_space(feature_space: spaces.Box | None) -> spaces.Box:
    """Return the space of observations: depth and limits, then the features."""
    low, high = [np.zeros(1), np.full(len(LIMIT_NAMES), NO_LIMIT)], [np.ones(1 + len(LIMIT_NAMES))]
    if feature_space is not None:
        low.append(np.minimum(feature_space.low.ravel(), 0.0))
        high.append(np.maximum(feature_space.high.ravel(), 0.0))
    bounds = np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32)
    return spaces.Box(low=bounds[0], high=bounds[1], dtype=np.float32)
