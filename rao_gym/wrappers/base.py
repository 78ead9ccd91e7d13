"""Shared by all wrappers."""

from __future__ import annotations

from typing import Any

import gymnasium

from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.errors import UsageError


def recursive_env(env: gymnasium.Env[Any, Any], wrapper: str) -> RecursiveEnv:
    """Return the Gymnasium view inside an environment.

    Raises:
        UsageError: There is none.
    """
    if not isinstance(env.unwrapped, RecursiveEnv):
        raise UsageError(f"{wrapper} only wraps environments of this package, got {env.unwrapped}.")
    return env.unwrapped
