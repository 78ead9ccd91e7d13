"""TextCraft-Synth as its authors published it: the tasks, their gold trajectories, and the recipes of its world.

Everything is read from the package ``platoon-textcraft`` (MIT), or from a folder of the same format:

- ``textcraft_synth_train.jsonl`` and ``textcraft_synth_val.jsonl``: one task a line;
- ``SHA256SUMS``, if it is there: the checksums of these files;
- ``recipes/``, if it is there: the world, as ``python -m platoon_textcraft.synth_recipe_generator --output-dir recipes
  --items-per-tier 25`` writes it. Otherwise the package generates it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from rao_gym.errors import FileFormatError, MissingExtraError, MissingFileError, reason_of
from rao_gym.tasks.textcraft.recipes import Recipe, RecipeBook
from rao_gym.tasks.textcraft.workshop import MAX_COUNT, Craft

INSTALL: Final = "pip install --no-deps --ignore-requires-python platoon-textcraft"
"""How to get the package; it declares Python 3.12 and more packages, which its data and its recipes do not need."""

LEVELS: Final = ("easy", "medium", "hard", "extreme")
"""The published levels; difficulty 1 is the first."""

FILES: Final = {"train": "textcraft_synth_train.jsonl", "validation": "textcraft_synth_val.jsonl"}
"""The file of each split."""

_PACKAGE: Final = "platoon_textcraft"
_WORLD_SEED: Final = 42
_ITEMS_PER_TIER: Final = 25


@dataclass(frozen=True, kw_only=True)
class PublishedTask:
    """One published task.

    Attributes:
        id: Its published id.
        goal: Its goal.
        targets: What to craft, with amounts.
        stock: What is in stock at the start.
        difficulty: Its level, from 1 to 4.
        num_crafts: Crafts of its gold trajectory.
    """

    id: str
    goal: str
    targets: Mapping[str, int]
    stock: Mapping[str, int]
    difficulty: int
    num_crafts: int


class Published:
    """The published data.

    Args:
        folder: A folder of the package's format; the package's own by default.

    Raises:
        MissingExtraError: No folder is given, and the package is not installed.
        MissingFileError: The folder does not exist.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.source = "platoon-textcraft" if folder is None else str(folder)
        if folder is None and find_spec(_PACKAGE) is None:
            raise MissingExtraError(f"The published tasks are in a package that is not installed: {INSTALL}")
        self.folder = _package_data() if folder is None else Path(folder)
        if not self.folder.is_dir():
            raise MissingFileError(f"{self.folder} is not a folder with the published tasks.")

    @property
    def book(self) -> RecipeBook:
        """The recipes.

        Raises:
            FileFormatError: They are damaged.
            MissingExtraError: The folder has none, and the package is not installed.
        """
        recipes = self.folder / "recipes"
        return _read_book(recipes) if recipes.is_dir() and self.source != "platoon-textcraft" else package_book()

    def tasks(self, split: str, difficulty: int) -> tuple[PublishedTask, ...]:
        """Return the tasks of a split and a difficulty, in the published order.

        Raises:
            MissingFileError: The file of the split is missing.
            FileFormatError: It is damaged.
        """
        return self._read(split)[difficulty - 1]

    def gold(self, split: str) -> Iterator[tuple[str, list[Craft]]]:
        """Yield the id and the gold trajectory of every task of a split.

        Raises:
            MissingFileError: The file of the split is missing.
            FileFormatError: It is damaged.
        """
        path = self.folder / FILES[split]
        for number, line in enumerate(_text_of(path).splitlines(), start=1):
            if line.strip():
                yield _parsed(path, number, line, _gold_of)

    def _read(self, split: str) -> tuple[tuple[PublishedTask, ...], ...]:
        """Return the tasks of a split by difficulty, read again only if the file has changed."""
        path = self.folder / FILES[split]
        try:
            state = path.stat()
        except OSError as error:
            raise MissingFileError(f"{path} cannot be read: {reason_of(error)}. {_remedy(path)}") from error
        return _tasks_of(path, (state.st_mtime_ns, state.st_size))


@cache
def _tasks_of(path: Path, state: tuple[int, int]) -> tuple[tuple[PublishedTask, ...], ...]:
    """Return the tasks of a file by difficulty; `state` tells its versions apart."""
    lines = enumerate(_text_of(path).splitlines(), start=1)
    tasks = [_parsed(path, number, line, _task_of) for number, line in lines if line.strip()]
    return tuple(tuple(task for task in tasks if task.difficulty == level + 1) for level in range(len(LEVELS)))


def _text_of(path: Path) -> str:
    """Return a file's text, checked against the checksums beside it.

    Raises:
        MissingFileError: It cannot be read.
        FileFormatError: It is not what was published.
    """
    try:
        data = path.read_bytes()
        sums = path.parent / "SHA256SUMS"
        known = dict(line.split()[::-1] for line in sums.read_text().splitlines()) if sums.exists() else {}
        text = data.decode()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read: {reason_of(error)}. {_remedy(path)}") from error
    except ValueError as error:
        raise FileFormatError(f"{path} is damaged: {error}. {_remedy(path)}") from error
    if path.name in known and known[path.name] != sha256(data).hexdigest():
        raise FileFormatError(f"{path} is damaged: its checksum is not that in {sums.name}. {_remedy(path)}")
    return text


def _parsed(path: Path, number: int, line: str, read: Callable[[Any], Any]) -> Any:
    """Return what is read from a line.

    Raises:
        FileFormatError: The line is not what was published.
    """
    try:
        return read(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else reason_of(error)
        raise FileFormatError(f"{path}, line {number} is damaged: {what}. {_remedy(path)}") from error


def _task_of(entry: Any) -> PublishedTask:
    """Return the task of a line."""
    about = entry["misc"]
    return PublishedTask(
        id=str(entry["id"]),
        goal=str(entry["goal"]),
        targets=_amounts(about["target_items"]),
        stock=_amounts(about["initial_inventory"]),
        difficulty=1 + LEVELS.index(about["difficulty"]),
        num_crafts=len(about["gold_trajectory"]),
    )


def _gold_of(entry: Any) -> tuple[str, list[Craft]]:
    """Return the id and the gold trajectory of a line."""
    steps = entry["misc"]["gold_trajectory"]
    crafts = [
        Craft(step["target"][0], step["result_count"], tuple(_amounts(step["ingredients"]).items())) for step in steps
    ]
    return str(entry["id"]), crafts


def _amounts(counts: Any) -> dict[str, int]:
    """Return amounts by item.

    Raises:
        ValueError: One of them is none.
    """
    for item, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= MAX_COUNT:
            raise ValueError(f"{count!r} is no amount of {item}")
    return dict(counts)


@cache
def package_book() -> RecipeBook:
    """Return the published world, which the package generates.

    Raises:
        MissingExtraError: The package is not installed.
        FileFormatError: It is damaged.
    """
    if find_spec(_PACKAGE) is None:
        raise MissingExtraError(f"The published recipes are in a package that is not installed: {INSTALL}")
    state = random.getstate()  # the package seeds and uses Python's global generator
    try:
        database = import_module(f"{_PACKAGE}.synth_recipe_generator").SynthRecipeDatabase()
        database.generate_all_recipes(seed=_WORLD_SEED, items_per_domain_tier=_ITEMS_PER_TIER)
        recipes = [recipe for each in database.recipes.values() for recipe in each]
        return RecipeBook(
            Recipe(recipe.result_item, recipe.result_count, tuple(recipe.ingredients.items())) for recipe in recipes
        )
    except Exception as error:
        raise FileFormatError(f"The package platoon-textcraft is damaged: {reason_of(error)}. {_again()}") from error
    finally:
        random.setstate(state)


def _read_book(folder: Path) -> RecipeBook:
    """Return the world in a folder of recipes.

    Raises:
        FileFormatError: It is damaged.
    """
    recipes = []
    for path in sorted(folder.glob("[!_]*.json")):
        try:
            entry = json.loads(path.read_text())
            names = [each["item"].removeprefix("synth:") for each in entry["ingredients"]]
            counts = {name: names.count(name) for name in names}
            item = entry["result"]["item"].removeprefix("synth:")
            recipes.append(Recipe(item, _amounts({item: entry["result"]["count"]})[item], tuple(counts.items())))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileFormatError(f"{path} is damaged: {reason_of(error)}.") from error
    try:
        return RecipeBook(recipes)
    except ValueError as error:
        raise FileFormatError(f"{folder} is damaged: {error}.") from error


def _package_data() -> Path:
    """Return the folder of the installed package's data."""
    spec = find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0] if places else ".") / "data"


def _remedy(path: Path) -> str:
    """Say what to do about a file, if it is the package's."""
    return _again() if _PACKAGE in path.parts else ""


def _again() -> str:
    """Say how to install the package again."""
    return f"Install it again: {INSTALL.replace('install', 'install --force-reinstall', 1)}"
