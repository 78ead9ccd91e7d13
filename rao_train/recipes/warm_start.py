"""The section ``warm_start`` of a recipe: supervised training before the model acts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from rao_gym.curriculum import FixedMixture
from rao_gym.errors import InvalidValueError
from rao_gym.limits import check_count
from rao_train.learning.settings import check_positive


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
        for name in ("steps", "demonstrations", "sequences_per_step"):
            check_count(name, getattr(self, name))
        check_count("warmup_steps", self.warmup_steps, minimum=0)
        check_positive("learning_rate", self.learning_rate)
        FixedMixture(self.difficulties)
        shares = list(self.policies.values())
        if not all(0 <= share < math.inf for share in shares) or not 0 < sum(shares) < math.inf:
            raise InvalidValueError(f"policies needs shares of at least 0, one of them above, got {shares}.")


@dataclass(frozen=True, kw_only=True)
class WarmStartSettings:
    """What the model learns before it acts.

    Attributes:
        stages: One after the other; none when the model knows the action format already.
    """

    stages: tuple[WarmStartStage, ...] = ()
