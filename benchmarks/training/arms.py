"""The arms of the ablations: what each changes in ``arithmetic_tiny``, and on which difficulties it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe

RECIPE: Final = "arithmetic_tiny"

COMMON: Final = ("learner.learning_rate=3e-4", "learner.decay_steps=0", "credit.bonus=all")
"""Where all arms depart from the recipe: a constant rate, since one that falls turns "later" into "never", and Eq. 1 as
in the paper, in which every child earns the bonus, small ones too."""

QUIET: Final = ("evaluation.every=0", "evaluation.first=false", "evaluation.final=false", "logging.trees_every=0")
"""What the arms are compared by is in the training log, so nothing else is measured."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train.

    Attributes:
        title: What it is, in a few words.
        overrides: What it changes in the recipe.
    """

    title: str
    overrides: Sequence[str] = field(default=())


ARMS: Final[Mapping[str, Arm]] = {
    "rao": Arm(title="RAO: λ 0.4, node reward, depth weights"),
    "lambda_0": Arm(title="λ 0", overrides=["credit.delegation_bonus=0"]),
    "root_lambda_0": Arm(title="root's reward, λ 0", overrides=["credit.reward=root", "credit.delegation_bonus=0"]),
    "root": Arm(title="root's reward, λ 0.4", overrides=["credit.reward=root"]),
    "unweighted": Arm(title="no depth weights, λ 0.4", overrides=["credit.depth_weighting=false"]),
    "unweighted_lambda_0": Arm(
        title="no depth weights, λ 0", overrides=["credit.depth_weighting=false", "credit.delegation_bonus=0"]
    ),
    "capped": Arm(title="λ 0.4, max_child_weight 1", overrides=["credit.max_child_weight=1"]),
    "light_leaves": Arm(
        title="λ 0.4, only leaves held down",
        overrides=["credit.name=benchmarks.training.leaves:light_leaves", "credit.depth_weighting=false"],
    ),
}


@dataclass(frozen=True, kw_only=True)
class Training:
    """On which tasks the arms are trained.

    Attributes:
        title: What it is, in a few words.
        difficulties: The value of ``curriculum.difficulties``.
        learned: Success of the roots that counts as learned.
    """

    title: str
    difficulties: str
    learned: float


TRAININGS: Final[Mapping[str, Training]] = {
    "d4-5": Training(title="trained on difficulties 4 and 5", difficulties="{4 = 0.5, 5 = 0.5}", learned=0.5),
    "d2-3": Training(title="trained on difficulties 2 and 3", difficulties="{2 = 0.5, 3 = 0.5}", learned=0.8),
}


def warm_start_recipe(seed: int, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe of the weights that all arms of a seed start from."""
    return load_recipe(RECIPE, [*QUIET, *overrides, f"seed={seed}", "training.steps=0"])


def arm_recipe(
    arm: str, training: str, seed: int, *, weights: Path, steps: int, overrides: Sequence[str] = ()
) -> Recipe:
    """Return the recipe of one run.

    Args:
        arm: Name of the arm.
        training: Name of the tasks that it is trained on.
        seed: Seeds tasks and draws, the same in every arm.
        weights: Folder of the warm-started model.
        steps: Steps of reinforcement learning.
        overrides: Values to replace before the arm replaces its own.
    """
    start = [f"model.path={weights}", "warm_start.stages=[]", f"seed={seed}", f"training.steps={steps}"]
    tasks = f"curriculum.difficulties={TRAININGS[training].difficulties}"
    return load_recipe(RECIPE, [*QUIET, *COMMON, *overrides, *start, tasks, *ARMS[arm].overrides])
