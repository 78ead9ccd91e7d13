"""Check that splits are disjoint."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from typing import Any

from rao_gym.registry import make_setup
from rao_gym.tasks.base import Task
from rao_gym.testing.cases import task_keys
from rao_gym.testing.errors import ensure


def check_splits(id: str, *, difficulties: Sequence[int] = (1, 2, 3), num_tasks: int = 100, **options: Any) -> None:
    """Check that ids are unique, and that splits share no task.

    Two tasks are the same if their goals and contexts are, compared in pickled form.

    Args:
        id: A registered id.
        difficulties: Difficulties of the tasks.
        num_tasks: Tasks of each difficulty and split.
        **options: Options of `rao_gym.make_setup`.

    Raises:
        ConformanceError: Two tasks have the same id, or two splits share a task.
    """
    family = make_setup(id, **options).family
    ids: set[str] = set()
    split_of: dict[str, tuple[str, str]] = {}
    for split in family.splits:
        for key in task_keys(difficulties, num_tasks, split):
            task = family.sample(key.seed, key.split, key.index, key.difficulty)
            ensure(task.record.id not in ids, f"{id}: two tasks have the id {task.record.id}.")
            ids.add(task.record.id)
            first_split, first_id = split_of.setdefault(_digest(task), (split, task.record.id))
            ensure(
                first_split == split,
                f"{id}: {task.record.id} of split {split} is the same task as {first_id} of split {first_split}.",
            )


def _digest(task: Task[Any]) -> str:
    """Return a digest of the root's goal and context."""
    return hashlib.sha256(pickle.dumps((task.goal, task.context))).hexdigest()
