"""What the throughput benchmarks share: the load, the figures, and a baseline timed in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, median
from time import perf_counter
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from rao_gym.actions import write_call, write_cell
from rao_gym.errors import UsageError
from rao_gym.limits import Limits
from rao_gym.runtime import Runtime
from rao_gym.tree import Node

NO_LIMITS = Limits(max_depth=None, max_turns=None, max_children=None, max_nodes=None, window=None)

CountingRuntime = Runtime[tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        target: The largest value that meets the target.
        measured: The value.
        unit: Unit of both.
    """

    name: str
    target: float
    measured: float
    unit: str


class Baseline:
    """Times a function before every round of a benchmark, so that both meet the same machine.

    Pass it as the `setup` of `benchmark.pedantic`.
    """

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function
        self._seconds: list[float] = []

    def __call__(self) -> None:
        """Run the function once."""
        start = perf_counter()
        self._function()
        self._seconds.append(perf_counter() - start)

    @property
    def median_s(self) -> float:
        """Median of all runs, in seconds."""
        return median(self._seconds)

    @property
    def mean_s(self) -> float:
        """Mean of all runs, in seconds."""
        return fmean(self._seconds)


PEEK = write_call("peek", index=1)
LAUNCH = write_call("launch_subagent", goal="Sum the numbers.", start=0, end=4)
FINISH = write_call("finish", answer=3)
LAUNCH_CELL = write_cell("print(await launch_subagent('Sum the numbers.', 0, 4))")
FINISH_CELL = write_cell("finish(3)")


def seconds_of(benchmark: BenchmarkFixture) -> Any:
    """Return the statistics of a benchmark that has run, in seconds."""
    if benchmark.stats is None:
        raise UsageError("The benchmark has not run.")
    return benchmark.stats.stats


def launch_and_return(runtime: CountingRuntime, node: Node, launching: str, finishing: str) -> None:
    """Let a node launch one child, which finishes at once."""
    runtime.act(node, launching)
    runtime.act(node.children[-1], finishing)


def grow(runtime: CountingRuntime, num_nodes: int) -> None:
    """Grow a tree breadth first, eight children a launch, until it has `num_nodes` nodes, none of which has ended."""
    while (missing := num_nodes - len(runtime.tree)) > 0:
        runtime.act(next(iter(runtime.ready)), LAUNCH * min(8, missing))
