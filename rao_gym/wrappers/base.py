"""Shared by all wrappers."""

from __future__ import annotations

from typing import Any

import gymnasium

from rao_gym.envs.gymnasium import RecursiveEnv
from rao_gym.errors import UsageError
from rao_gym.wrappers.menus.environment import MenuEnv


def recursive_env(env: gymnasium.Env[Any, Any], wrapper: str) -> RecursiveEnv:
    """Return the text environment inside an environment, also inside a fixed-space view.

    Raises:
        UsageError: There is none.
    """
    inside = env.unwrapped.text_env if isinstance(env.unwrapped, MenuEnv) else env.unwrapped
    if not isinstance(inside, RecursiveEnv):
        raise UsageError(f"{wrapper} only wraps environments of this package, got {inside}.")
    return inside
