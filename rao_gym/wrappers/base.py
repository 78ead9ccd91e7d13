"""What the wrappers share."""

from __future__ import annotations

from typing import Any

import gymnasium

from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.errors import UsageError


def recursive_env(env: gymnasium.Env[Any, Any], wrapper: str) -> RecursiveEnv:
    """Return the Gymnasium view that a wrapper lies around.

    Raises:
        UsageError: There is none.
    """
    if not isinstance(env.unwrapped, RecursiveEnv):
        raise UsageError(f"{wrapper} wraps the environments of this package, not {env.unwrapped}.")
    return env.unwrapped
