"""Generate a crafting world: recipes from a target down to raw materials, and a stock that suffices.

Everything is drawn in a fixed order from one generator, so a task is the same in every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from rao_gym.tasks.textcraft.names import Namer
from rao_gym.tasks.textcraft.recipes import Recipe, RecipeBook

MAX_LEVELS: Final = 20
"""With more levels, a tree with an agent for each ingredient could have more nodes than the default limits allow."""

_WIDTH: Final = 4
_RAW_WIDTH: Final = 8
_NEW_SHARE: Final = 0.6

_DOUBLE_UP_TO: Final = 4
_YIELDS: Final = ((1,), (1, 2, 3, 4), (1, 2, 3), (1, 1, 2), (1, 1, 2))
_MAX_DISTRACTOR_STOCK: Final = 9
_BLOCK: Final = 256


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a world looks like.

    Attributes:
        levels: Level of the targets.
        num_targets: Number of targets.
        max_ingredients: The most ingredients of a recipe.
        naming: How items are named.
        slack: How much more raw material is in stock than needed, as a share.
        num_distractors: Items in stock that no target takes.
    """

    levels: int
    num_targets: int
    max_ingredients: int
    naming: str
    slack: float
    num_distractors: int


@dataclass(frozen=True, kw_only=True)
class Generated:
    """A world and what to craft in it.

    Attributes:
        book: The recipes, those of distractors among them.
        targets: What to craft, with amounts.
        stock: What is in stock at the start.
        num_crafts: How many different items have to be crafted.
    """

    book: RecipeBook
    targets: Mapping[str, int]
    stock: Mapping[str, int]
    num_crafts: int


def generate(shape: Shape, split: str, generator: np.random.Generator) -> Generated:
    """Draw a world.

    Each recipe takes an item of the next lower level, so that targets have exactly their level, and others of any lower
    level. An ingredient is an item that other recipes take already, or a new one.
    """
    dice = Dice(generator)
    namer = Namer(shape.naming, split, dice.below)
    items: list[list[str]] = [[] for _ in range(shape.levels + 1)]
    items[-1] = [namer(shape.levels, is_target=True) for _ in range(shape.num_targets)]
    needed: list[Recipe] = []
    for level in range(shape.levels, 0, -1):
        needed += [_recipe(item, level, items, shape, namer, dice) for item in items[level]]
    most = 3 if shape.levels <= _DOUBLE_UP_TO else 2
    targets = {item: 1 + dice.below(most) for item in items[-1]}
    raw = items[0]
    distractors = {namer(number % 2): number % 2 for number in range(shape.num_distractors)}
    useless = [Recipe(name, 1, ((raw[dice.below(len(raw))], 1),)) for name, level in distractors.items() if level]
    levels = {item: level for level, names in enumerate(items) for item in names} | distractors
    book = RecipeBook(needed + useless, levels)
    stock = {item: count + ceil(count * shape.slack) for item, count in book.raw_materials(targets).items()}
    stock |= {name: 1 + dice.below(_MAX_DISTRACTOR_STOCK) for name in distractors}
    in_order = {name: stock[name] for name in sorted(stock)}  # so that the order does not tell what is needed
    return Generated(book=book, targets=targets, stock=in_order, num_crafts=len(needed))


class Dice:
    """Draws small whole numbers quickly, from blocks of a generator's numbers.

    Args:
        generator: The generator.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._block: list[float] = []

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        if not self._block:
            self._block = self._generator.random(_BLOCK).tolist()
        return self._block.pop()

    def below(self, end: int) -> int:
        """Return a whole number from 0 to `end` - 1."""
        return int(self.unit() * end)


def _recipe(item: str, level: int, items: list[list[str]], shape: Shape, namer: Namer, dice: Dice) -> Recipe:
    """Draw an item's recipe, and add the new ingredients to `items`."""
    fewest = min(2, shape.max_ingredients) if level > 1 else 1
    num_ingredients = fewest + dice.below(shape.max_ingredients - fewest + 1)
    ingredients: dict[str, int] = {}
    for number in range(num_ingredients):
        lower = level - 1 if number == 0 else dice.below(level)
        name = _ingredient(lower, ingredients, items, namer, dice)
        if name is not None:
            ingredients[name] = 1 + dice.below(2) if level <= _DOUBLE_UP_TO else 1
    yields = _YIELDS[level] if level < len(_YIELDS) else _YIELDS[0]
    return Recipe(item, yields[dice.below(len(yields))], tuple(ingredients.items()))


def _ingredient(
    level: int, ingredients: Mapping[str, int], items: list[list[str]], namer: Namer, dice: Dice
) -> str | None:
    """Draw an item of a level, a new one if there is room; None if the recipe has the one that was drawn."""
    there = items[level]
    has_room = len(there) < (_WIDTH if level else _RAW_WIDTH)
    if not there or (has_room and dice.unit() < _NEW_SHARE):
        there.append(namer(level))
        return there[-1]
    name = there[dice.below(len(there))]
    return None if name in ingredients else name
