"""A recipe: everything that decides a run, as small frozen dataclasses, one for each section of its TOML file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from rao_gym.errors import InvalidValueError, unknown_name
from rao_gym.limits import check_count
from rao_gym.tasks.base import SPLITS
from rao_train.credit import Baseline, CreditSettings
from rao_train.engines.base import EngineSettings, Sampling
from rao_train.learning.settings import LearnerSettings, check_positive
from rao_train.recipes.curriculum import CurriculumSettings, TasksSettings
from rao_train.recipes.environment import EnvironmentSettings, JudgeSettings
from rao_train.recipes.model import ModelSettings
from rao_train.recipes.warm_start import WarmStartSettings


class MinibatchUnit(StrEnum):
    """What stays together when a rollout batch is split into optimizer batches."""

    TRAJECTORIES = "trajectories"
    GROUPS = "groups"


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The course of reinforcement learning.

    Attributes:
        steps: Rollout batches to learn from; 0 ends after the warm start.
        tasks_per_step: Root tasks of a batch.
        group_size: G, trees of each task.
        minibatches_per_step: Optimizer steps on each batch; all but the first are off-policy.
        minibatches_of: What an optimizer batch is drawn from: single ``trajectories``, or whole ``groups``. Groups keep
            copies together, so more prefixes are shared, but a batch then holds fewer tasks.
        staleness: How many batches old the weights are that a batch was generated with.
        checkpoint_every: Steps between checkpoints, warm-start steps included; the last step always has one.
        max_seconds: Time after which no further step begins; 0 for no end.
        max_tokens: Tokens of learned rollouts, read or written, after which no further step begins; 0 for no end.
        max_disagreement: Largest mean |log π − log μ| between trainer and engine at the same weights; past it the run
            stops, for its ratios would be noise. ``none`` for no bound.
    """

    steps: int = 100
    tasks_per_step: int = 16
    group_size: int = 8
    minibatches_per_step: int = 1
    minibatches_of: MinibatchUnit = MinibatchUnit.TRAJECTORIES
    staleness: int = 0
    checkpoint_every: int = 20
    max_seconds: float = 0.0
    max_tokens: int = 0
    max_disagreement: float | None = 0.1

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
            UnknownNameError: There are no such optimizer batches.
        """
        if self.minibatches_of not in list(MinibatchUnit):
            raise unknown_name("minibatches_of", self.minibatches_of, [unit.value for unit in MinibatchUnit])
        object.__setattr__(self, "minibatches_of", MinibatchUnit(self.minibatches_of))
        _check_counts(self, "tasks_per_step", "group_size", "minibatches_per_step", "checkpoint_every")
        for name in ("steps", "staleness", "max_tokens"):
            check_count(name, getattr(self, name), minimum=0)
        if not self.max_seconds >= 0:
            raise InvalidValueError(f"max_seconds must be at least 0, got {self.max_seconds!r}.")
        if self.max_disagreement is not None:
            check_positive("max_disagreement", self.max_disagreement)


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How the policy is measured, on tasks of the test split.

    Attributes:
        every: Steps between evaluations, the first of them before learning begins; 0 for none on the way.
        first: Whether to evaluate before the first training step as thoroughly as after the last.
        final: Whether to evaluate after the last step.
        sampled: Whether these two also play at `sampling.temperature`, as ``evaluation_sampled`` in the logs.
        difficulties: Difficulties to play.
        tasks: Tasks of each difficulty after the last step.
        tasks_on_the_way: Tasks of each difficulty before.
        temperature: Sampling temperature; 0 takes the most probable token.
        split: Split that tasks are drawn from.
    """

    every: int = 0
    first: bool = False
    final: bool = True
    sampled: bool = False
    difficulties: tuple[int, ...] = (1,)
    tasks: int = 100
    tasks_on_the_way: int = 20
    temperature: float = 0.0
    split: str = "test"

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
            UnknownNameError: There is no such split.
        """
        check_count("every", self.every, minimum=0)
        _check_counts(self, "tasks", "tasks_on_the_way")
        for difficulty in self.difficulties:
            check_count("a difficulty to evaluate", difficulty)
        if not 0 <= self.temperature < math.inf:
            raise InvalidValueError(f"temperature must be at least 0 and finite, got {self.temperature!r}.")
        if self.split not in SPLITS:
            raise unknown_name("evaluation.split", self.split, SPLITS)


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
        seed: Seeds weights, demonstrations, tasks and draws; below 2**63.
        model: Which model.
        environment: What is played.
        warm_start: What it learns before it acts.
        sampling: How it acts while it learns.
        engine: How the engine uses memory.
        credit: How trees become advantages.
        learner: How advantages become new weights.
        judge: Who gives a signal to what the family cannot verify.
        curriculum: Which difficulties it learns on.
        tasks: Where the tasks come from.
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
    engine: EngineSettings = field(default_factory=EngineSettings)
    credit: CreditSettings = field(default_factory=CreditSettings)
    learner: LearnerSettings = field(default_factory=LearnerSettings)
    judge: JudgeSettings = field(default_factory=JudgeSettings)
    curriculum: CurriculumSettings = field(default_factory=CurriculumSettings)
    tasks: TasksSettings = field(default_factory=TasksSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    logging: LoggingSettings = field(default_factory=LoggingSettings)

    def __post_init__(self) -> None:
        """Check what concerns more than one section.

        Raises:
            InvalidValueError: The seed is out of range, or two values do not go together.
        """
        check_count("seed", self.seed, minimum=0)
        if self.seed >= 2**63:  # the generators of torch take no more bits
            raise InvalidValueError(f"seed must be below 2**63, got {self.seed}.")
        if self.credit.baseline is Baseline.LEAVE_ONE_OUT and self.training.group_size < 2:
            raise InvalidValueError(
                f"training.group_size must be at least 2 with the leave-one-out baseline, got "
                f"{self.training.group_size}. Raise it or set credit.baseline=none."
            )
        if self.model.dtype != "auto" and self.learner.lora is None:
            raise InvalidValueError(
                f"model.dtype={self.model.dtype} is for weights that are not trained, and without learner.lora all "
                "are, in float32. Leave it out, or set learner.bf16=true to compute in bfloat16."
            )
        if self.training.steps and self.sampling.temperature == 0:
            raise InvalidValueError("sampling.temperature must be above 0 while learning, got 0.")

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, in JSON form."""
        document: dict[str, Any] = _plain(asdict(self))
        return document


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
