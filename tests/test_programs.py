"""Random programs, run through the environment as any policy would."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from itertools import islice

import gymnasium as gym
import pytest
from counting import cell, registered
from programs import programs

MAX_GROWTH_BYTES = 500 * 2**20


@pytest.fixture(scope="module")
def counting() -> Iterator[str]:
    with registered() as id:
        yield id


@pytest.mark.parametrize("recursive", [True, False])
@pytest.mark.parametrize("number", [150, pytest.param(5_000, marks=pytest.mark.slow)])
def test_no_program_raises_out_of_step_or_fills_the_host(counting: str, number: int, recursive: bool) -> None:
    env = gym.make(counting, actions="python", recursive=recursive, difficulty=3, disable_env_checker=True)
    env.reset(seed=0)
    before = _resident_bytes()
    for code in islice(programs(seed=number), number):
        _, _, terminated, truncated, _ = env.step(cell(code))
        if terminated or truncated:
            env.reset()
    assert _resident_bytes() - before < MAX_GROWTH_BYTES
    env.close()


def _resident_bytes() -> int:
    """Return the memory of this process."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
