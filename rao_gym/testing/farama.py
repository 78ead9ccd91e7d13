"""Run the official checks of Gymnasium and PettingZoo on every view of a family."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout
from functools import partial
from typing import Any

import gymnasium
from gymnasium.utils.env_checker import check_env
from pettingzoo.test.api_test import api_test
from pettingzoo.test.parallel_test import parallel_api_test
from pettingzoo.test.seed_test import parallel_seed_test, seed_test

from rao_gym.envs.aec import aec_env
from rao_gym.envs.parallel import parallel_env
from rao_gym.testing.cases import settings_by_form
from rao_gym.testing.errors import ConformanceError

EXPECTED_WARNINGS = (
    "This environment does not have possible_agents defined",
    "No agents present",
    "Observation is not a NumPy array",
    "Observation space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete",
    "Action space for each agent probably should be gymnasium.spaces.box or gymnasium.spaces.discrete",
    "We recommend agents to be named in the format <descriptor>_<number>",
)
"""Warnings of PettingZoo's tests for any environment with an open set of agents, text actions, and paths as names."""

_NUM_CYCLES = 50


@contextmanager
def only_expected_warnings() -> Iterator[None]:
    """Within the context, turn every warning except `EXPECTED_WARNINGS` into an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for message in EXPECTED_WARNINGS:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        yield


def check_gymnasium(id: str, **options: Any) -> None:
    """Run `gymnasium.utils.env_checker.check_env` on a family, and allow no warning.

    Args:
        id: A registered id.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: The check failed or gave a warning.
    """
    for form, chosen in settings_by_form(id, options):
        with closing(gymnasium.make(id, **chosen)) as env:
            _run(f"{id} ({form}): check_env", partial(check_env, env.unwrapped))


def check_pettingzoo(id: str, **options: Any) -> None:
    """Run PettingZoo's `api_test`, `parallel_api_test`, `seed_test` and `parallel_seed_test` on a family.

    Args:
        id: A registered id.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: A test failed, or gave a warning that is not among `EXPECTED_WARNINGS`.
    """
    for form, chosen in settings_by_form(id, options):
        make_aec, make_parallel = partial(aec_env, id, **chosen), partial(parallel_env, id, **chosen)
        with closing(make_aec()) as aec, closing(make_parallel()) as parallel:
            _run(f"{id} ({form}): api_test", partial(api_test, aec, num_cycles=_NUM_CYCLES))
            _run(f"{id} ({form}): parallel_api_test", partial(parallel_api_test, parallel, num_cycles=_NUM_CYCLES))
        _run(f"{id} ({form}): seed_test", partial(seed_test, make_aec, num_cycles=_NUM_CYCLES))
        _run(f"{id} ({form}): parallel_seed_test", partial(parallel_seed_test, make_parallel, num_cycles=_NUM_CYCLES))


def _run(what: str, check: Callable[[], Any]) -> None:
    """Run one official check and suppress its output.

    Raises:
        ConformanceError: The check raised anything.
    """
    try:
        with only_expected_warnings(), redirect_stdout(io.StringIO()):
            check()
    except Exception as error:
        raise ConformanceError(f"{what}: {type(error).__name__}: {error}") from error
