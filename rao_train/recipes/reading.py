"""Recipes: what decides a run, read from one TOML file.

``load_recipe("arithmetic_tiny", ["learner.learning_rate=3e-4"])`` reads a recipe that ships with the package, or a
file of the user's, with some values replaced.
"""

from __future__ import annotations

import copy
import itertools
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from rao_gym.errors import FileFormatError, InvalidValueError, MissingFileError, unknown_name
from rao_train.recipes.settings import Recipe
from rao_train.recipes.tables import build


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that ship with the package."""
    folder = files("rao_train.recipes")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def summary_of(name: str) -> str:
    """Return what a shipped recipe is for: the comment that its file begins with."""
    lines = recipe_text(name).splitlines()
    comment = itertools.takewhile(lambda line: line.startswith("#"), lines)
    return " ".join(line.removeprefix("#").strip() for line in comment)


def recipe_text(name: str) -> str:
    """Return the TOML of a recipe.

    Args:
        name: A shipped recipe's name, or the path of a TOML file.

    Raises:
        UnknownNameError: There is no such recipe.
        MissingFileError: The file cannot be read.
        FileFormatError: The file is not text.
    """
    if not name.endswith(".toml"):
        if name not in shipped_recipes():
            raise unknown_name("recipe", name, [*shipped_recipes(), "FILE.toml"])
        return (files("rao_train.recipes") / f"{name}.toml").read_text(encoding="utf-8")
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise MissingFileError(f"Cannot read the recipe {name!r}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"The recipe {name!r} is not UTF-8: {error}.") from error


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        name: A shipped recipe's name, or the path of a TOML file.
        overrides: Values to replace, each ``section.key=value``; the value is written as in TOML, text may go
            without quotes, and ``none`` leaves an optional value out.

    Raises:
        UnknownNameError: There is no such recipe, or no such key.
        MissingFileError: The file cannot be read.
        FileFormatError: The file is not TOML.
        InvalidValueError: A value is out of range or of the wrong type.
    """
    try:
        document = tomllib.loads(recipe_text(name))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise FileFormatError(f"The recipe {name!r} is not TOML: {reason}.") from error
    document.setdefault("name", Path(name).stem)
    return recipe_from_dict(document, overrides)


def recipe_from_dict(document: Mapping[str, Any], overrides: Sequence[str] = ()) -> Recipe:
    """Build a recipe from plain data, such as `Recipe.to_dict` returns.

    Args:
        document: The data.
        overrides: Values to replace, as in `load_recipe`.

    Raises:
        UnknownNameError: There is no such key.
        InvalidValueError: A value is out of range or of the wrong type.
    """
    changed = copy.deepcopy(dict(document))
    for override in overrides:
        _replace(changed, override)
    recipe: Recipe = build(Recipe, changed)
    return recipe


def _replace(document: dict[str, Any], override: str) -> None:
    """Put the value of ``section.key=value`` into a document."""
    path, equals, text = override.partition("=")
    if not equals or not path.strip():
        raise InvalidValueError(f"An override is written section.key=value, got {override!r}.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = text
    *sections, key = path.strip().split(".")
    place: Any = document
    for section in sections:
        place = _item(place, section, path) if isinstance(place, list) else place.setdefault(section, {})
        if not isinstance(place, dict | list):
            raise InvalidValueError(f"{path.strip()!r} is not a key: {section!r} holds {place!r}.")
    if isinstance(place, list):
        raise InvalidValueError(f"{path.strip()!r} is not a key: {sections[-1]!r} is a list.")
    place[key] = value


def _item(items: list[Any], section: str, path: str) -> Any:
    """Return the item of a list that a part of an override's path names."""
    if not section.isdecimal() or int(section) >= len(items):
        raise InvalidValueError(f"{path.strip()!r} is not a key: {section!r} is not one of 0 to {len(items) - 1}.")
    return items[int(section)]
