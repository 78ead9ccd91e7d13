"""What a closed environment says."""

from __future__ import annotations

import gymnasium as gym
import pytest

from rao_gym import aec_env, parallel_env
from rao_gym.errors import UsageError


def test_no_view_goes_on_after_close() -> None:
    env = gym.make("rao/Arithmetic-v0", disable_env_checker=True)
    env.reset(seed=0)
    env.close()
    with pytest.raises(UsageError):
        env.step("1")
    aec = aec_env("rao/Arithmetic-v0")
    aec.reset(seed=0)
    aec.close()
    with pytest.raises(UsageError):
        aec.step("1")
    parallel = parallel_env("rao/Arithmetic-v0")
    parallel.reset(seed=0)
    parallel.close()
    with pytest.raises(UsageError):
        parallel.step({"root": "1"})
