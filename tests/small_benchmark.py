"""A benchmark that is small enough to run in every test session."""

from __future__ import annotations

from rao_gym.benchmark import Benchmark, BenchmarkPolicy, Suite

SPECIFICATION = """
name = "small"
version = 1
seed = 3
split = "test"
tasks_per_difficulty = 3

[[environments]]
name = "arithmetic"
id = "rao/Arithmetic-v0"
trained = [1, 2]
tested = [3, 5]
"""


def small_benchmark(suite: Suite, *policies: str) -> Benchmark:
    """Return a benchmark of one small environment in the arms that matter."""
    return Benchmark(
        suite=suite,
        policies=[BenchmarkPolicy(name=name) for name in policies or ("reference",)],
        arms=["recursive", "single", "best_of_n", "ceiling"],
        environments=["arithmetic"],
    )
