"""The folder of a run belongs to one recipe and to what that recipe names: weights, tasks, versions.

``recipe.json`` and ``identity.json`` are written with the first line of the log, so a run that fails before it leaves
the folder to others. What has been learned is in the checkpoints; once there is one, only the same run may go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError
from rao_gym.evaluation.store import write_whole
from rao_gym.jsonable import read_json
from rao_gym.judges.loading import NOT_IDENTIFYING
from rao_train.recipes.reading import recipe_from_dict
from rao_train.recipes.settings import Recipe

CHECKPOINTS: Final = "checkpoints"
RECIPE: Final = "recipe.json"
IDENTITY: Final = "identity.json"

CHANGEABLE: Final = (
    "name",
    "logging.*",
    "evaluation.*",
    "training.steps",
    "training.max_seconds",
    "training.max_tokens",
    "training.checkpoint_every",
    "training.max_disagreement",
    *(f"judge.options.{name}" for name in sorted(NOT_IDENTIFYING)),
)
"""Keys on which no training step depends, so that a run may go on with other values: it is extended by raising
``training.steps``."""


class RunFolder:
    """The folder of one run.

    Args:
        path: Where it is, or will be.
        recipe: The run's recipe.
        identity: What the recipe names, by content; see `rao_train.run.identity.identity_of`.
    """

    def __init__(self, path: Path, recipe: Recipe, identity: Mapping[str, Mapping[str, str]]) -> None:
        self.path = path
        self._recipe = recipe
        self._identity = identity
        self._claimed = False

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.path / CHECKPOINTS

    def check(self) -> list[str]:
        """Check that the folder is free or holds this run.

        Returns:
            What has changed since the run began that does not forbid to go on, in one sentence each.

        Raises:
            InvalidValueError: It holds a run of another recipe, or one that began with other weights or tasks.
            FileFormatError: What it says of its run cannot be read.
        """
        if not (self.path / RECIPE).exists() or not any(self.checkpoints.glob("step-*")):
            return []
        for key, before, wanted in _differences(read_recipe(self.path).to_dict(), self._recipe.to_dict()):
            if not any(fnmatchcase(key, pattern) for pattern in CHANGEABLE):
                raise InvalidValueError(
                    f"{str(self.path)!r} holds a run with {key}={before!r}, not {wanted!r}. "
                    "Name another folder with --out."
                )
        return list(self._changes(_read(self.path / IDENTITY)))

    def claim(self) -> None:
        """Write down whose folder this is; to be called when there is something to keep."""
        if self._claimed:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / IDENTITY, json.dumps(self._identity, indent=2) + "\n")
        write_whole(self.path / RECIPE, json.dumps(self._recipe.to_dict(), indent=2) + "\n")
        self._claimed = True

    def _changes(self, earlier: Mapping[str, Any]) -> Iterator[str]:
        """Yield what has changed without forbidding to go on.

        Raises:
            InvalidValueError: Something has changed that forbids it.
        """
        for key, before, now in _differences(earlier, self._identity):
            section, _, name = key.partition(".")
            if section == "content":
                raise InvalidValueError(
                    f"The run in {str(self.path)!r} began with another {name}: its content has changed since. "
                    "Name another folder with --out."
                )
            yield f"{name} was {before} when the run began and is {now} now: it no longer repeats exactly."


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe of a run's folder.

    Raises:
        MissingFileError: There is no run in it.
        FileFormatError: Its ``recipe.json`` cannot be read.
    """
    return recipe_from_dict(recipe_document(folder))


def recipe_document(folder: Path) -> dict[str, Any]:
    """Return the recipe of a run's folder as plain data.

    Raises:
        MissingFileError: There is no run in it.
        FileFormatError: Its ``recipe.json`` cannot be read.
    """
    if not (folder / RECIPE).is_file():
        raise MissingFileError(f"There is no run in {str(folder)!r}: it has no {RECIPE}.")
    return _read(folder / RECIPE)


def _read(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file."""
    try:
        document = read_json(file.read_bytes())
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{str(file)!r} cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise FileFormatError(f"{str(file)!r} holds no JSON object.")
    return document


def _differences(
    before: Mapping[str, Any], wanted: Mapping[str, Any], path: Sequence[str] = ()
) -> Iterator[tuple[str, object, object]]:
    """Yield the keys whose values differ, with both values."""
    for key in {**before, **wanted}:
        first, second = before.get(key), wanted.get(key)
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            yield from _differences(first, second, (*path, key))
        elif first != second:
            yield ".".join((*path, key)), first, second
