"""The generalization benchmark: frozen tasks, arms at equal budget, and results that can be published."""

from rao_gym.benchmark.arms import ARMS, Arm
from rao_gym.benchmark.folder import Benchmark, BenchmarkPolicy
from rao_gym.benchmark.report import write_report
from rao_gym.benchmark.results import summarize_folder
from rao_gym.benchmark.run import Shard, run_benchmark
from rao_gym.benchmark.suite import Suite, SuiteEnvironment, freeze, load_suite
from rao_gym.benchmark.validation import validate

__all__ = [
    "ARMS",
    "Arm",
    "Benchmark",
    "BenchmarkPolicy",
    "Shard",
    "Suite",
    "SuiteEnvironment",
    "freeze",
    "load_suite",
    "run_benchmark",
    "summarize_folder",
    "validate",
    "write_report",
]
