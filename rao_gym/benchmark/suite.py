"""Frozen task sets: a manifest names every task by its index and the hash of its content.

A family's generator may change; a benchmark may not. Before anything is played, each task is sampled anew and compared
with its hash, so that two results of one suite always speak of the same tasks.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError, RaoError, unknown_name
from rao_gym.evaluation.rollouts import TaskKey
from rao_gym.evaluation.stages import build_setup
from rao_gym.jsonable import read_json
from rao_gym.limits import check_count

MAX_MANIFEST_BYTES = 64 * 1024**2
"""More than any manifest needs; a larger file is refused unread."""


class FrozenTaskError(RaoError, ValueError):
    """A task that no longer is what the manifest says."""


@dataclass(frozen=True, kw_only=True)
class SuiteEnvironment:
    """One environment of a suite.

    Attributes:
        name: Its name in tables; unique in the suite.
        id: The registered id, or ``module:ID``; it is imported when its tasks are sampled, not when it is read.
        options: Options of the environment, the same for every arm.
        single: Further options of the arms without recursion, such as more turns.
        trained: Difficulties that a policy may train on.
        tested: Strictly harder difficulties, on which generalization is measured.
        tasks: The content hash of each task, by difficulty; a task's place is its index in the split.
    """

    name: str
    id: str
    options: Mapping[str, Any] = field(default_factory=dict)
    single: Mapping[str, Any] = field(default_factory=dict)
    trained: Sequence[int]
    tested: Sequence[int]
    tasks: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def difficulties(self) -> list[int]:
        """All difficulties, in order."""
        return [*self.trained, *self.tested]


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A frozen set of tasks in several environments.

    Attributes:
        name: Its name.
        version: Grows with every change of its tasks; results of different versions are never compared.
        seed: Seed that its tasks are sampled with.
        split: Split that its tasks come from.
        environments: Its environments.
    """

    name: str
    version: int
    seed: int
    split: str
    environments: Sequence[SuiteEnvironment]

    @property
    def hash(self) -> str:
        """Hash of everything in the suite."""
        return sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the manifest."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    def environment(self, name: str) -> SuiteEnvironment:
        """Return an environment by name.

        Raises:
            UnknownNameError: The suite has none of that name.
        """
        for environment in self.environments:
            if environment.name == name:
                return environment
        raise unknown_name(f"environment of suite {self.name}", name, [each.name for each in self.environments])

    def keys(self, environment: SuiteEnvironment, difficulty: int) -> list[TaskKey]:
        """Return the keys of an environment's tasks of one difficulty."""
        return [
            TaskKey(seed=self.seed, split=self.split, index=index, difficulty=difficulty)
            for index in range(len(environment.tasks[difficulty]))
        ]

    def check(self, environment: SuiteEnvironment, keys: Iterable[TaskKey]) -> None:
        """Check that tasks still are what the manifest says.

        Raises:
            FrozenTaskError: A task is not; the message names it.
        """
        setup = build_setup(environment.id, self.split, environment.options)
        try:
            for key in keys:
                task = setup.family.sample(key.seed, key.split, key.index, key.difficulty)
                frozen = environment.tasks[key.difficulty][key.index]
                if task.content_hash != frozen:
                    raise FrozenTaskError(
                        f"Task {task.record.id} of suite {self.name} hashes to {task.content_hash[:12]}, not to the "
                        f"manifest's {frozen[:12]}: the family or the manifest was changed, so results would not be "
                        "comparable. Use the version of this package that the suite was frozen with."
                    )
        finally:
            setup.family.close()


def suite_names() -> list[str]:
    """Return the names of the suites of this package."""
    files = resources.files("rao_gym.benchmark").joinpath("suites").iterdir()
    return sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json"))


def load_suite(name: str | Path) -> Suite:
    """Read a suite of this package by name, or a manifest by its path.

    Raises:
        UnknownNameError: This package has no suite of that name.
        MissingFileError: There is no such file.
        FileFormatError: The file is not a manifest.
    """
    text = str(name)
    if not text.endswith(".json"):
        if text not in suite_names():
            raise unknown_name("suite", text, [*suite_names(), "PATH.json"])
        data = resources.files("rao_gym.benchmark").joinpath("suites", f"{text}.json").read_bytes()
        return _suite(read_json(data), text)
    path = Path(text)
    if not path.is_file():
        raise MissingFileError(f"There is no manifest at {text!r}.")
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise FileFormatError(f"{text} is larger than any manifest ({MAX_MANIFEST_BYTES:,} bytes); it was not read.")
    try:
        return _suite(read_json(path.read_bytes()), text)
    except ValueError as error:
        raise FileFormatError(f"{text} is not a manifest: {error}") from error


def freeze(specification: Path) -> Suite:
    """Sample the tasks that a TOML file asks for, and return them as a suite.

    The file has ``name``, ``version``, ``seed``, ``split`` and ``tasks_per_difficulty``, and a table
    ``[[environments]]`` for each environment with ``name``, ``id``, ``trained``, ``tested`` and, if wanted,
    ``options``, ``single`` and a ``tasks_per_difficulty`` of its own.

    Raises:
        MissingFileError: There is no such file.
        FileFormatError: It is not such a file.
    """
    if not specification.is_file():
        raise MissingFileError(f"There is no file {str(specification)!r}.")
    try:
        document = tomllib.loads(specification.read_text(encoding="utf-8"))
        count = document.pop("tasks_per_difficulty")
        counts = [table.pop("tasks_per_difficulty", count) for table in document["environments"]]
        suite = _suite(document, str(specification))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise FileFormatError(f"{specification} does not describe a suite: {error}") from error
    environments = [
        _frozen(suite, environment, check_count("tasks_per_difficulty", count))
        for environment, count in zip(suite.environments, counts, strict=True)
    ]
    return Suite(**{**vars(suite), "environments": environments})


def _frozen(suite: Suite, environment: SuiteEnvironment, count: int) -> SuiteEnvironment:
    """Return an environment with the hashes of its first tasks of every difficulty."""
    setup = build_setup(environment.id, suite.split, environment.options)
    try:
        tasks = {
            difficulty: [
                setup.family.sample(suite.seed, suite.split, index, difficulty).content_hash for index in range(count)
            ]
            for difficulty in environment.difficulties
        }
    finally:
        setup.family.close()
    return SuiteEnvironment(**{**vars(environment), "tasks": tasks})


def _suite(document: Any, source: str) -> Suite:
    """Build a suite from its JSON object.

    Raises:
        FileFormatError: It is none; the message says why.
    """
    try:
        environments = [_environment(entry) for entry in document["environments"]]
        suite = Suite(
            name=str(document["name"]),
            version=check_count("version", document["version"]),
            seed=check_count("seed", document["seed"], minimum=0),
            split=str(document["split"]),
            environments=environments,
        )
    except (LookupError, TypeError, AttributeError, InvalidValueError) as error:
        raise FileFormatError(f"{source} is not a manifest: {error}.") from error
    if not environments or len({each.name for each in environments}) < len(environments):
        raise FileFormatError(f"{source} is not a manifest: its environments must be named, each once.")
    return suite


def _environment(entry: Mapping[str, Any]) -> SuiteEnvironment:
    """Build an environment from its JSON object."""
    environment = SuiteEnvironment(
        name=str(entry["name"]),
        id=str(entry["id"]),
        options=dict(entry.get("options", {})),
        single=dict(entry.get("single", {})),
        trained=[check_count("trained", value) for value in entry["trained"]],
        tested=[check_count("tested", value) for value in entry["tested"]],
        tasks={int(level): [str(task) for task in tasks] for level, tasks in entry.get("tasks", {}).items()},
    )
    if not environment.trained or not environment.tested or max(environment.trained) >= min(environment.tested):
        raise InvalidValueError(
            f"the tested difficulties of {environment.name} must all lie above the trained ones, got "
            f"{list(environment.tested)} and {list(environment.trained)}"
        )
    if environment.tasks and set(environment.tasks) != set(environment.difficulties):
        raise InvalidValueError(f"{environment.name} needs tasks for each of its difficulties")
    return environment
