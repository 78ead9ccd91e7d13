"""The cases of a check: action forms, and tasks by difficulty and index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rao_gym.evaluation.rollouts import TaskKey
from rao_gym.registry import make_setup

SEED = 20_260
"""Seed for sampling the tasks of checks."""


def settings_by_form(id: str, options: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each action form to check, with the options that select it.

    Args:
        id: A registered id.
        options: Options of `rao_gym.make_setup`; ``actions`` restricts the check to one form.
    """
    built = make_setup(id, **options)
    chosen = built.settings.actions
    for form in (chosen,) if chosen else built.family.action_forms:
        yield form, options | {"actions": form}


def task_keys(difficulties: Sequence[int], num_tasks: int, split: str = "train") -> list[TaskKey]:
    """Return `num_tasks` tasks of each difficulty."""
    return [
        TaskKey(seed=SEED, split=split, index=index, difficulty=difficulty)
        for difficulty in difficulties
        for index in range(num_tasks)
    ]
