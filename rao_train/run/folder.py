"""The folder of a run belongs to one recipe, which it holds as ``recipe.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rao_gym.errors import FileFormatError, InvalidValueError
from rao_train.recipes.reading import recipe_from_dict
from rao_train.recipes.settings import Recipe

RECIPE = "recipe.json"


def claim(folder: Path, recipe: Recipe) -> None:
    """Claim `folder` for `recipe`, or verify that it already belongs to it.

    Raises:
        InvalidValueError: It is the folder of a run of another recipe.
        OSError: It cannot be written.
    """
    file = folder / RECIPE
    if file.exists():
        earlier, now = read_recipe(folder).to_dict(), recipe.to_dict()
        for key, before, wanted in _differences(earlier, now, ""):
            raise InvalidValueError(
                f"{str(folder)!r} holds a run with {key}={before!r}, not {wanted!r}. Name another folder with --out."
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    hidden = file.with_suffix(".tmp")
    hidden.write_text(json.dumps(recipe.to_dict(), indent=2) + "\n", encoding="utf-8")
    hidden.replace(file)


def read_recipe(folder: Path) -> Recipe:
    """Return the recipe of a run's folder.

    Raises:
        FileFormatError: Its ``recipe.json`` cannot be read.
    """
    try:
        document = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{str(folder / RECIPE)!r} is not a recipe: {error}.") from error
    return recipe_from_dict(document)


def _differences(
    before: Mapping[str, Any], wanted: Mapping[str, Any], path: str
) -> Iterator[tuple[str, object, object]]:
    """Yield the keys whose values differ, with both values."""
    for key in {**before, **wanted}:
        first, second = before.get(key), wanted.get(key)
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            yield from _differences(first, second, f"{path}{key}.")
        elif first != second:
            yield f"{path}{key}", first, second
