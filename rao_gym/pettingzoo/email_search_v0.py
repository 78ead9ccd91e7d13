"""``rao/EmailSearch-v0`` by PettingZoo's names; see `rao_gym.aec_env` and `rao_gym.parallel_env` for the arguments."""

from functools import partial

from rao_gym.envs.aec import aec_env
from rao_gym.envs.parallel import parallel_env as parallel_view

env = partial(aec_env, "rao/EmailSearch-v0")
raw_env = env
parallel_env = partial(parallel_view, "rao/EmailSearch-v0")

__all__ = ["env", "parallel_env", "raw_env"]
