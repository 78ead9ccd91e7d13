"""The parts of a run: the stages of the warm start, then reinforcement learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rao_train.recipes.settings import Recipe
from rao_train.recipes.warm_start import WarmStartStage

TRAIN: Final = "train"
EVALUATION: Final = "evaluation"
SAMPLED: Final = "evaluation_sampled"


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a run.

    Attributes:
        place: Its place in the run.
        name: Its name in the logs.
        start: Ticks before it.
        steps: Ticks of it.
        stage: What is learned from demonstrations; None for reinforcement learning.
    """

    place: int
    name: str
    start: int
    steps: int
    stage: WarmStartStage | None

    @property
    def end(self) -> int:
        """Ticks of the run when the phase is over."""
        return self.start + self.steps


def phases_of(recipe: Recipe) -> list[Phase]:
    """Return the phases of a run in order; reinforcement learning is the last."""
    phases: list[Phase] = []
    start = 0
    for stage in recipe.warm_start.stages:
        name = f"warm_start/{stage.name}"
        phases.append(Phase(place=len(phases), name=name, start=start, steps=stage.steps, stage=stage))
        start += stage.steps
    training = Phase(place=len(phases), name=TRAIN, start=start, steps=recipe.training.steps, stage=None)
    return [*phases, training]
