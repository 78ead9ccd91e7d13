"""The family ``rao/TextCraftSynth-v0``: the benchmark of the RAO paper, from its authors' published tasks."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from rao_gym.errors import FileFormatError, InvalidValueError, unknown_name
from rao_gym.limits import Limits
from rao_gym.policies.base import Policy
from rao_gym.tasks.base import Task, rng
from rao_gym.tasks.textcraft.family import Crafting
from rao_gym.tasks.textcraft.orders import Order
from rao_gym.tasks.textcraft.policies import RecursivePolicy, SinglePolicy
from rao_gym.tasks.textcraft.published import FILES, LEVELS, Published
from rao_gym.tasks.textcraft.recipes import RecipeBook

ALONE_UP_TO = 6
"""The level up to which the reference works alone: what such an item takes can be made in 25 turns."""


class TextCraftSynth(Crafting):
    """Craft targets of the published benchmark TextCraft-Synth; ingredients can go to sub-agents.

    Args:
        data: A folder in the format of the package platoon-textcraft; by default the installed package.

    Raises:
        MissingExtraError: The package is not installed, and no folder is given.
        MissingFileError: The folder does not exist.
    """

    id = "rao/TextCraftSynth-v0"
    default_limits = Limits(max_depth=6, max_turns=25, window=8_192)
    splits: ClassVar[tuple[str, ...]] = tuple(FILES)

    def __init__(self, data: str | Path | None = None) -> None:
        self.published = Published(data)
        self._book = self.published.book

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[Order]:
        """Return a published task: each seed has its own order of a level's tasks, and goes round it."""
        rng(seed, split, index, difficulty)  # checks the arguments
        if split not in self.splits:
            raise unknown_name("split", split, self.splits)
        if difficulty > len(LEVELS):
            raise InvalidValueError(f"difficulty must be at most {len(LEVELS)} ({LEVELS[-1]}), got {difficulty}.")
        tasks = self.published.tasks(split, difficulty)
        if not tasks:
            raise InvalidValueError(
                f"{self.published.source} has no {LEVELS[difficulty - 1]} tasks in split {split!r}."
            )
        order = np.random.default_rng([seed, self.splits.index(split), difficulty]).permutation(len(tasks))
        chosen = tasks[int(order[index % len(tasks)])]
        if not all(item in self._book.recipes for item in chosen.targets):
            raise FileFormatError(f"{self.published.source} is damaged: no recipe makes the targets of {chosen.id}.")
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=chosen.goal,
            answer=dict(chosen.targets),
            provenance=f"counted in the ledger; the task is from {self.published.source}",
            parameters={"published": chosen.id, "level": LEVELS[difficulty - 1], "crafts": chosen.num_crafts},
        )
        return Task(record=record, context=Order(targets=chosen.targets, stock=chosen.stock))

    def book_of(self, task: Task[Order]) -> RecipeBook:
        """Return the recipes of the published world."""
        return self._book

    def reference_policy(self) -> Policy:
        """Return the policy that launches an agent for every ingredient of a high level."""
        return RecursivePolicy(alone_up_to=ALONE_UP_TO)

    def single_policy(self) -> Policy:
        """Return the policy that crafts everything itself."""
        return SinglePolicy()
