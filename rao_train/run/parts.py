"""The parts of a run that a recipe names: the project's own, or the user's by ``module:name``.

They are imported and checked when a run is set up, so that a mistake costs no training step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rao_gym.plugins import build_part, check_methods, check_takes
from rao_gym.registry import Setup
from rao_train.credit import RAO, CreditFunction, CreditSettings, credit
from rao_train.loss import CISPO, Loss, LossSettings, cispo_loss
from rao_train.recipes.curriculum import CURRICULUM
from rao_train.recipes.settings import Recipe
from rao_train.run.task_source import CurriculumTasks, TaskSource, TaskSourceParts


def loss_of(settings: LossSettings) -> Loss:
    """Return the loss that a recipe names.

    Raises:
        InvalidValueError: The user's own cannot be imported, or takes other arguments than `Loss`.
    """
    if settings.name == CISPO:
        return cispo_loss
    loss: Loss = _function("loss", settings.name, settings.options, "tokens", "settings")
    return loss


def credit_of(settings: CreditSettings) -> CreditFunction:
    """Return the credit assignment that a recipe names.

    Raises:
        InvalidValueError: The user's own cannot be imported, or takes other arguments than `CreditFunction`.
    """
    if settings.name == RAO:
        return credit
    function: CreditFunction = _function("credit", settings.name, settings.options, "rollouts", "settings")
    return function


def task_source_of(recipe: Recipe, setup: Setup) -> TaskSource:
    """Return the task source that a recipe names.

    Raises:
        InvalidValueError: The user's own source or curriculum cannot be imported or built, or lacks a method.
    """
    parts = TaskSourceParts(
        setup=setup,
        schedule=recipe.curriculum.schedule(),
        seed=recipe.seed,
        tasks_per_step=recipe.training.tasks_per_step,
        group_size=recipe.training.group_size,
    )
    name = recipe.tasks.source
    if name == CURRICULUM:
        return CurriculumTasks(parts)
    source: TaskSource = build_part("task source", name, recipe.tasks.options, parts)
    check_methods("task source", name, source, ("groups", "update", "state", "restore"))
    return source


def _function(what: str, path: str, options: Mapping[str, Any], *arguments: str) -> Any:
    """Return a function of the user's own that takes these arguments."""
    function = build_part(what, path, options)
    check_takes(what, path, function, *arguments)
    return function
