"""What a step of a view costs when many agents are alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import gymnasium
import pytest
from counting import call, registered
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.throughput.load import PEEK, Baseline, Figure, seconds_of
from rao_gym.envs.aec import RecursiveAECEnv, aec_env
from rao_gym.envs.gymnasium import RecursiveEnv

FEW, MANY = 10, 10_000
SHORT, LONG = 10, 1_000

Record = Callable[[Figure], None]


@pytest.fixture
def counting_id() -> Iterator[str]:
    """The id of the smallest family there can be."""
    with registered() as id:
        yield id


def with_agents(id: str, num_agents: int) -> RecursiveAECEnv:
    """Return an environment in which the root waits for this many children, all of them ready."""
    unlimited = dict.fromkeys(("max_nodes", "max_children", "max_turns", "window"))
    env = aec_env(id, actions="tools", difficulty=1, **unlimited)
    env.reset(seed=0)
    env.step("\n".join([call("launch_subagent", goal="Sum the numbers.", start=0, end=1)] * num_agents))
    return env


def test_aec_steps_do_not_slow_down(benchmark: BenchmarkFixture, counting_id: str, record_figure: Record) -> None:
    """An AEC step with 10,000 live agents against one with 10; both alternate in one run."""
    with ExitStack() as stack:
        few, many = with_agents(counting_id, FEW), with_agents(counting_id, MANY)
        stack.callback(few.close)
        stack.callback(many.close)
        baseline = Baseline(lambda: few.step(PEEK))
        benchmark.pedantic(lambda: many.step(PEEK), setup=baseline, rounds=500, warmup_rounds=10)
    ratio = seconds_of(benchmark).median / baseline.median_s
    record_figure(Figure(name="AEC step with 10,000 agents / with 10", target=1.5, measured=ratio, unit="x"))


def after_turns(id: str, num_turns: int) -> RecursiveEnv:
    """Return an environment whose root has taken this many turns."""
    env = gymnasium.make(id, actions="tools", max_turns=None, window=None, disable_env_checker=True).unwrapped
    assert isinstance(env, RecursiveEnv)
    env.reset(seed=0)
    for _ in range(num_turns):
        env.step(PEEK)
    return env


def test_steps_do_not_slow_down_with_the_transcript(
    benchmark: BenchmarkFixture, counting_id: str, record_figure: Record
) -> None:
    """A Gymnasium step, which shows all messages, after 1,000 turns against one after 10; both alternate in one run."""
    with ExitStack() as stack:
        short, long = after_turns(counting_id, SHORT), after_turns(counting_id, LONG)
        stack.callback(short.close)
        stack.callback(long.close)
        baseline = Baseline(lambda: short.step(PEEK))
        benchmark.pedantic(lambda: long.step(PEEK), setup=baseline, rounds=500, warmup_rounds=10)
    ratio = seconds_of(benchmark).median / baseline.median_s
    record_figure(Figure(name="step after 1,000 turns / after 10", target=1.5, measured=ratio, unit="x"))
