"""The folder of a benchmark run: what was run, the suite, and one run folder for each cell.

    OUT/benchmark.json                                        what identifies the run
    OUT/suite.json                                            the manifest
    OUT/episodes/POLICY/ENVIRONMENT/ARM/DIFFICULTY/           a run folder, as `rao eval` writes it
    OUT/results.json, results.csv, results.md, *.png, index.html

Each cell is written by one process alone, so that processes and machines need nothing from each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from rao_gym.benchmark.arms import Arm, choose_arms
from rao_gym.benchmark.suite import Suite, load_suite
from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.evaluation.results import EpisodeResult, options_as_json
from rao_gym.evaluation.store import RESULTS, read_results, write_whole
from rao_gym.jsonable import JSON, read_json
from rao_gym.judges import Grading
from rao_gym.policies.loading import recorded_options
from rao_gym.version import __version__

BENCHMARK = "benchmark.json"
SUITE = "suite.json"
TIMING = "timing.json"
EPISODES = "episodes"
MAX_DOCUMENT_BYTES = 256 * 1024**2
"""More than any results need; a larger file is refused unread."""

_PACKAGES = ("gymnasium", "pettingzoo", "numpy", "pydantic-monty", "torch", "transformers", "vllm")


@dataclass(frozen=True, kw_only=True)
class BenchmarkPolicy:
    """A policy that is measured.

    Attributes:
        name: Its name, as for `rao eval`.
        options: Its options.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, order=True, kw_only=True)
class Cell:
    """One policy in one environment, arm and difficulty.

    Attributes:
        policy: The policy's name; that of the arm, if the arm has its own.
        environment: Name of the environment in the suite.
        arm: Name of the arm.
        difficulty: The difficulty.
    """

    policy: str
    environment: str
    arm: str
    difficulty: int

    def path(self, out: Path) -> Path:
        """Return the cell's run folder."""
        return out / EPISODES / _file_name(self.policy) / self.environment / self.arm / f"{self.difficulty:03d}"


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What is run: a suite, policies, and the arms in which they play.

    Attributes:
        suite: The frozen tasks.
        policies: The policies that are measured.
        arms: Names of the arms, in the order in which they are played.
        environments: Names of the environments.
        grading: Where success signals come from.
    """

    suite: Suite
    policies: Sequence[BenchmarkPolicy]
    arms: Sequence[str]
    environments: Sequence[str]
    grading: Grading = field(default_factory=Grading)

    def cells(self) -> list[Cell]:
        """Return every cell, each once; arms with a policy of their own are played once for all policies."""
        cells: dict[Cell, None] = {}
        for environment in (self.suite.environment(name) for name in self.environments):
            for difficulty in environment.difficulties:
                for policy in self.policies:
                    for arm in choose_arms(self.arms):
                        name = arm.policy or policy.name
                        cell = Cell(policy=name, environment=environment.name, arm=arm.name, difficulty=difficulty)
                        cells[cell] = None
        return list(cells)

    def identity(self) -> dict[str, JSON]:
        """Return what identifies the run: a folder takes further results only if all of it is the same."""
        return {
            "suite": self.suite.name,
            "suite_version": self.suite.version,
            "suite_hash": self.suite.hash,
            "policies": [
                {"name": policy.name, "options": options_as_json(recorded_options(policy.name, policy.options))}
                for policy in self.policies
            ],
            "arms": list(self.arms),
            "environments": list(self.environments),
            "grading": self.grading.document(),
            "rao_gym": __version__,
        }


def arm_of(cell: Cell) -> Arm:
    """Return the arm of a cell."""
    return next(arm for arm in choose_arms([cell.arm]) if arm.name == cell.arm)


def versions() -> dict[str, JSON]:
    """Return the versions of Python and of the packages that results may depend on."""
    found: dict[str, JSON] = {"python": python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def claim(out: Path, benchmark: Benchmark) -> None:
    """Create the folder of a run, or check that it holds the same run.

    Raises:
        InvalidValueError: It holds another run, or something else; nothing is overwritten.
        FileFormatError: It cannot be read.
    """
    if out.exists() and not out.is_dir():
        raise InvalidValueError(f"{str(out)!r} is a file; results go into a folder.")
    identity = benchmark.identity()
    file = out / BENCHMARK
    if file.exists():
        found = _read_object(file)
        for name, value in identity.items():
            if found.get(name) != value:
                raise InvalidValueError(
                    f"{str(out)!r} holds a run with {name}={json.dumps(found.get(name))}, not {json.dumps(value)}. "
                    "Choose another folder."
                )
        return
    if out.is_dir() and any(out.iterdir()):
        raise InvalidValueError(f"{str(out)!r} is not empty and holds no benchmark run. Choose another folder.")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / SUITE, benchmark.suite.to_json())
    write_whole(file, json.dumps(identity | {"versions": versions()}, indent=2) + "\n")


def open_benchmark(out: Path) -> Benchmark:
    """Read what was run in a folder. Nothing that it names is imported.

    Raises:
        MissingFileError: It is not the folder of a benchmark run.
        FileFormatError: One of its files cannot be read.
    """
    if not (out / BENCHMARK).is_file() or not (out / SUITE).is_file():
        raise MissingFileError(f"{str(out)!r} is not the folder of a benchmark run: it has no {BENCHMARK}.")
    found = _read_object(out / BENCHMARK)
    suite = load_suite(out / SUITE)
    try:
        benchmark = Benchmark(
            suite=suite,
            policies=[
                BenchmarkPolicy(name=str(each["name"]), options=dict(each["options"])) for each in found["policies"]
            ],
            arms=[arm.name for arm in choose_arms(map(str, found["arms"]))],
            environments=[suite.environment(str(name)).name for name in found["environments"]],
            grading=Grading.from_document(found.get("grading")),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise FileFormatError(f"{out / BENCHMARK} does not describe a benchmark run: {error}") from error
    if found.get("suite_hash") != suite.hash:
        raise FileFormatError(f"{out / SUITE} is not the suite that {out / BENCHMARK} names: its hash differs.")
    return benchmark


def recorded_versions(out: Path) -> dict[str, JSON]:
    """Return the versions that a run recorded."""
    found = _read_object(out / BENCHMARK).get("versions")
    return found if isinstance(found, dict) else {}


def cell_results(out: Path, cell: Cell) -> list[EpisodeResult]:
    """Return the episodes of a cell; none if it was not played."""
    file = cell.path(out) / RESULTS
    return read_results(file) if file.is_file() else []


def cell_seconds(out: Path, cell: Cell) -> float:
    """Return the seconds for which a cell was played."""
    file = cell.path(out) / TIMING
    seconds = _read_object(file).get("seconds") if file.is_file() else 0.0
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def add_seconds(out: Path, cell: Cell, seconds: float) -> None:
    """Add to the seconds for which a cell was played."""
    total = round(cell_seconds(out, cell) + seconds, 3)
    write_whole(cell.path(out) / TIMING, json.dumps({"seconds": total}) + "\n")


def read_document(path: Path) -> dict[str, Any]:
    """Read a results file, which may come from anywhere.

    Raises:
        MissingFileError: There is no such file.
        FileFormatError: It is not a JSON object, or larger than any results are.
    """
    if not path.is_file():
        raise MissingFileError(f"There is no file {str(path)!r}.")
    return _read_object(path)


def _read_object(file: Path) -> dict[str, Any]:
    """Read a JSON object from a file."""
    if file.stat().st_size > MAX_DOCUMENT_BYTES:
        raise FileFormatError(f"{file} is larger than any results ({MAX_DOCUMENT_BYTES:,} bytes); it was not read.")
    try:
        found = read_json(file.read_bytes())
    except ValueError as error:
        raise FileFormatError(f"{file} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise FileFormatError(f"{file} must hold a JSON object.")
    return found


def _file_name(policy: str) -> str:
    """Return a policy's name as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", policy).strip("._") or "policy"


def describe(benchmark: Benchmark) -> Iterator[dict[str, JSON]]:
    """Yield each arm with what it means and what it holds equal."""
    for arm in choose_arms(benchmark.arms):
        entry = asdict(arm)
        yield {name: entry[name] for name in ("name", "meaning", "equal")}
