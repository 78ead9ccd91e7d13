"""Recipes: everything that decides a run, as small frozen dataclasses read from one TOML file.

``load_recipe("arithmetic_tiny", ["learner.learning_rate=3e-4"])`` reads a recipe that ships with the package, or a
file of the user's, with some values replaced.
"""

from __future__ import annotations

import tomllib
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from rao_gym.curriculum import AdaptiveDifficulty, DifficultySchedule, FixedMixture
from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError, unknown_name
from rao_gym.limits import check_count
from rao_gym.registry import Episodes, episodes
from rao_train.credit import Baseline, CreditSettings
from rao_train.engines.base import Sampling
from rao_train.learner_settings import LearnerSettings
from rao_train.tiny_model import TinyModelSettings


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which model is trained, and where.

    Attributes:
        path: A folder that `AutoModelForCausalLM` loads; empty to build a tiny model.
        tiny: Shape of the tiny model.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """

    path: str = ""
    tiny: TinyModelSettings = field(default_factory=TinyModelSettings)
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class EnvironmentSettings:
    """What is played.

    Attributes:
        id: A registered id.
        recursive: Whether agents may launch sub-agents; False trains the single-agent baseline.
        options: Limits, settings and family options, as `rao_gym.episodes` takes them; TOML has no None, so
            ``"none"`` stands for it.
    """

    id: str = "rao/Arithmetic-v0"
    recursive: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def episodes(self) -> Episodes:
        """Return the family and the settings of its episodes."""
        options = {name: None if value == "none" else value for name, value in self.options.items()}
        return episodes(self.id, **{**options, "recursive": self.recursive})


@dataclass(frozen=True, kw_only=True)
class WarmStartStage:
    """Supervised training on demonstrations.

    Attributes:
        name: How the stage is called in logs.
        steps: Optimizer steps.
        learning_rate: Learning rate after the warm-up.
        warmup_steps: Steps over which it rises to its value.
        demonstrations: Trees that are played once, before the stage begins.
        sequences_per_step: Sequences of an optimizer step, drawn from the demonstrations.
        difficulties: Difficulty to weight.
        policies: A policy's name to its share: each agent of a tree follows one of them, drawn when it first acts.
    """

    name: str
    steps: int
    learning_rate: float = 1e-3
    warmup_steps: int = 20
    demonstrations: int = 1000
    sequences_per_step: int = 64
    difficulties: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})
    policies: Mapping[str, float] = field(default_factory=lambda: {"reference": 1.0})

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        _check_counts(self, "steps", "demonstrations", "sequences_per_step")
        if not self.learning_rate > 0:
            raise InvalidValueError(f"learning_rate must be above 0, got {self.learning_rate!r}.")
        FixedMixture(self.difficulties)
        shares = list(self.policies.values())
        if not shares or min(shares) < 0 or sum(shares) <= 0:
            raise InvalidValueError(f"policies needs shares of at least 0, one of them above, got {shares}.")


@dataclass(frozen=True, kw_only=True)
class WarmStartSettings:
    """What the model learns before it acts.

    Attributes:
        stages: One after the other; none when the model knows the action format already.
    """

    stages: tuple[WarmStartStage, ...] = ()


class CurriculumKind(StrEnum):
    """How difficulties are chosen."""

    FIXED = "fixed"
    ADAPTIVE = "adaptive"


@dataclass(frozen=True, kw_only=True)
class CurriculumSettings:
    """How difficulties are chosen.

    Attributes:
        kind: ``fixed``, by weights, or ``adaptive``, which stays near a success rate.
        difficulties: For ``fixed``: difficulty to weight.
        target: For ``adaptive``: the success rate.
        start: For ``adaptive``: the first difficulty.
        maximum: For ``adaptive``: the highest difficulty; 0 for no end.
        window: For ``adaptive``: outcomes that each move rests on.
    """

    kind: CurriculumKind = CurriculumKind.FIXED
    difficulties: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})
    target: float = 0.7
    start: int = 1
    maximum: int = 0
    window: int = 32

    def __post_init__(self) -> None:
        """Check the values by building the schedule."""
        self.schedule()

    def schedule(self) -> DifficultySchedule:
        """Return a new schedule.

        Raises:
            InvalidValueError: A value is out of range.
        """
        if self.kind is CurriculumKind.FIXED:
            return FixedMixture(self.difficulties)
        return AdaptiveDifficulty(
            target=self.target, start=self.start, maximum=self.maximum or None, window=self.window
        )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The course of reinforcement learning.

    Attributes:
        steps: Rollout batches to learn from; 0 ends after the warm start.
        tasks_per_step: Root tasks of a batch.
        group_size: G, trees of each task.
        minibatches_per_step: Optimizer steps on each batch; all but the first are off-policy.
        staleness: How many batches old the weights are that a batch was generated with.
        checkpoint_every: Steps between checkpoints, warm-start steps included; the last step always has one.
        max_seconds: Time after which no further step begins; 0 for no end.
    """

    steps: int = 100
    tasks_per_step: int = 16
    group_size: int = 8
    minibatches_per_step: int = 1
    staleness: int = 0
    checkpoint_every: int = 20
    max_seconds: float = 0.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        _check_counts(self, "tasks_per_step", "group_size", "minibatches_per_step", "checkpoint_every")
        for name in ("steps", "staleness"):
            check_count(name, getattr(self, name), minimum=0)
        if not self.max_seconds >= 0:
            raise InvalidValueError(f"max_seconds must be at least 0, got {self.max_seconds!r}.")


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How the policy is measured, on tasks of the test split.

    Attributes:
        every: Steps between evaluations; 0 for none on the way.
        final: Whether to evaluate after the last step.
        difficulties: Difficulties to play.
        tasks: Tasks of each difficulty after the last step.
        tasks_on_the_way: Tasks of each difficulty before.
        temperature: Sampling temperature; 0 takes the most probable token.
        split: Split that tasks are drawn from.
    """

    every: int = 0
    final: bool = True
    difficulties: tuple[int, ...] = (1,)
    tasks: int = 100
    tasks_on_the_way: int = 20
    temperature: float = 0.0
    split: str = "test"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        check_count("every", self.every, minimum=0)
        _check_counts(self, "tasks", "tasks_on_the_way")
        for difficulty in self.difficulties:
            check_count("a difficulty to evaluate", difficulty)


@dataclass(frozen=True, kw_only=True)
class LoggingSettings:
    """What a run writes beside its checkpoints.

    Attributes:
        trees_every: Steps between trees that are kept for ``rao view``; 0 for none.
        trees: Trees kept each time.
        wandb: Project of Weights & Biases to log to; empty for none.
    """

    trees_every: int = 10
    trees: int = 2
    wandb: str = ""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        check_count("trees_every", self.trees_every, minimum=0)
        check_count("trees", self.trees, minimum=0)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a run.

    Attributes:
        name: How the run is called.
        seed: Seeds weights, demonstrations, tasks and draws.
        model: Which model.
        environment: What is played.
        warm_start: What it learns before it acts.
        sampling: How it acts while it learns.
        credit: How trees become advantages.
        learner: How advantages become new weights.
        curriculum: Which difficulties it learns on.
        training: The course of learning.
        evaluation: How it is measured.
        logging: What is written.
    """

    name: str
    seed: int = 0
    model: ModelSettings = field(default_factory=ModelSettings)
    environment: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    warm_start: WarmStartSettings = field(default_factory=WarmStartSettings)
    sampling: Sampling = field(default_factory=Sampling)
    credit: CreditSettings = field(default_factory=CreditSettings)
    learner: LearnerSettings = field(default_factory=LearnerSettings)
    curriculum: CurriculumSettings = field(default_factory=CurriculumSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)

    def __post_init__(self) -> None:
        """Check what concerns more than one section.

        Raises:
            InvalidValueError: Two values do not go together.
        """
        check_count("seed", self.seed, minimum=0)
        if self.credit.baseline is Baseline.LEAVE_ONE_OUT and self.training.group_size < 2:
            raise InvalidValueError(
                f"training.group_size must be at least 2 with the leave-one-out baseline, got "
                f"{self.training.group_size}. Raise it or set credit.baseline=none."
            )
        if self.training.steps and self.sampling.temperature == 0:
            raise InvalidValueError("sampling.temperature must be above 0 while learning, got 0.")

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, in JSON form."""
        document: dict[str, Any] = _plain(asdict(self))
        return document


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that ship with the package."""
    folder = files("rao_train") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        name: A shipped recipe's name, or the path of a TOML file.
        overrides: Values to replace, each ``section.key=value``; the value is written as in TOML, and text may go
            without quotes.

    Raises:
        UnknownNameError: There is no such recipe, or no such key.
        MissingFileError: The file cannot be read.
        FileFormatError: The file is not TOML.
        InvalidValueError: A value is out of range or of the wrong type.
    """
    document = _read(name)
    for override in overrides:
        _replace(document, override)
    document.setdefault("name", Path(name).stem)
    return recipe_from_dict(document)


def recipe_from_dict(document: Mapping[str, Any]) -> Recipe:
    """Build a recipe from plain data, such as `Recipe.to_dict` returns.

    Raises:
        UnknownNameError: There is no such key.
        InvalidValueError: A value is out of range or of the wrong type.
    """
    recipe: Recipe = _build(Recipe, document, "")
    return recipe


def _read(name: str) -> dict[str, Any]:
    """Return the document of a recipe."""
    if not name.endswith(".toml"):
        if name not in shipped_recipes():
            raise unknown_name("recipe", name, [*shipped_recipes(), "FILE.toml"])
        return tomllib.loads((files("rao_train") / "recipes" / f"{name}.toml").read_text(encoding="utf-8"))
    try:
        return tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingFileError(f"Cannot read the recipe {name!r}: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"The recipe {name!r} is not TOML: {error}.") from error


def _replace(document: dict[str, Any], override: str) -> None:
    """Put the value of ``section.key=value`` into a document."""
    path, equals, text = override.partition("=")
    if not equals or not path.strip():
        raise InvalidValueError(f"An override is written section.key=value, got {override!r}.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, key = path.strip().split(".")
    place: Any = document
    for section in sections:
        place = _item(place, section, path) if isinstance(place, list) else place.setdefault(section, {})
        if not isinstance(place, dict | list):
            raise InvalidValueError(f"{path.strip()!r} is not a key: {section!r} holds {place!r}.")
    if isinstance(place, list):
        raise InvalidValueError(f"{path.strip()!r} is not a key: {sections[-1]!r} is a list.")
    place[key] = value


def _item(items: list[Any], section: str, path: str) -> Any:
    """Return the item of a list that a part of an override's path names."""
    if not section.isdecimal() or int(section) >= len(items):
        raise InvalidValueError(f"{path.strip()!r} is not a key: {section!r} is not one of 0 to {len(items) - 1}.")
    return items[int(section)]


def _build(kind: Any, document: object, path: str) -> Any:
    """Build a dataclass from a table, its fields included."""
    if not isinstance(document, Mapping):
        raise InvalidValueError(f"{path or 'The recipe'} must be a table, got {document!r}.")
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    for name in document:
        if name not in known:
            raise unknown_name("key", f"{path}{'.' if path else ''}{name}", [_joined(path, key) for key in known])
    for name, one in known.items():
        if name not in document and one.default is MISSING and one.default_factory is MISSING:
            raise InvalidValueError(f"{_joined(path, name)} is missing.")
    values = {name: _value(hints[name], value, _joined(path, name)) for name, value in document.items()}
    try:
        return kind(**values)
    except InvalidValueError as error:
        raise InvalidValueError(f"{path}: {error}" if path else str(error)) from error


def _joined(path: str, name: str) -> str:
    """Return the full name of a key."""
    return f"{path}.{name}" if path else name


def _value(kind: Any, value: object, path: str) -> Any:
    """Convert a plain value to the type of its field."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _value(inner, value, path)
    if is_dataclass(kind):
        return _build(kind, value, path)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise InvalidValueError(f"{path} must be a list, got {value!r}.")
        return tuple(_value(arguments[0], item, f"{path}.{place}") for place, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise InvalidValueError(f"{path} must be a table, got {value!r}.")
        return {
            _key(arguments[0], key, path): _value(arguments[1], item, f"{path}.{key}") for key, item in value.items()
        }
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in list(kind):
            raise unknown_name(path, value, map(str, kind))
        return kind(str(value))
    return _scalar(kind, value, path)


def _key(kind: Any, key: object, path: str) -> Any:
    """Convert a table's key, which TOML always reads as text."""
    if kind is not int:
        return key
    try:
        return int(str(key))
    except ValueError:
        raise InvalidValueError(f"The keys of {path} must be integers, got {key!r}.") from None


def _scalar(kind: Any, value: object, path: str) -> Any:
    """Check a plain value's type."""
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, bool, str) and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        names = {int: "an integer", float: "a number", bool: "true or false", str: "text"}
        raise InvalidValueError(f"{path} must be {names[kind]}, got {value!r}.")
    return value


def _plain(value: Any) -> Any:
    """Return a value in JSON form."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value


def _check_counts(settings: Any, *names: str) -> None:
    """Check that fields are integers of at least 1."""
    for name in names:
        check_count(name, getattr(settings, name))
