"""Recipes, and what it takes to craft some items.

A recipe turns exact amounts of its ingredients into the amount that it makes, and a craft applies it a whole number of
times. Items without a recipe are raw materials, of level 0; the level of any other item is one above that of its
highest ingredient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

from rao_gym.errors import nearest


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an item is made.

    Attributes:
        item: What it makes.
        makes: How many of it at once.
        ingredients: What it takes for that, with amounts.
    """

    item: str
    makes: int
    ingredients: tuple[tuple[str, int], ...]

    def batches(self, count: int) -> int:
        """Return how often it must be applied to make at least `count`."""
        return -(-count // self.makes)


class RecipeBook:
    """All recipes of a world; a book never changes.

    Args:
        recipes: The recipes, at most one for each item.
        levels: The level of every item, if it is known; worked out otherwise.

    Attributes:
        recipes: The recipes, by the item that they make.

    Raises:
        ValueError: Two recipes make the same item, or an item is an ingredient of itself, at some remove.
    """

    def __init__(self, recipes: Iterable[Recipe], levels: Mapping[str, int] | None = None) -> None:
        self.recipes: dict[str, Recipe] = {}
        for recipe in recipes:
            if recipe.item in self.recipes:
                raise ValueError(f"two recipes make {recipe.item}")
            self.recipes[recipe.item] = recipe
        self._levels = _levels_of(self.recipes) if levels is None else levels

    def __deepcopy__(self, memo: dict[int, object]) -> RecipeBook:
        """Return the book itself, because it never changes."""
        return self

    @property
    def content(self) -> tuple[Recipe, ...]:
        """The recipes, for the content hash."""
        return tuple(self.recipes.values())

    def knows(self, item: str) -> bool:
        """Tell whether a recipe makes or takes an item."""
        return item in self._levels

    def level(self, item: str) -> int:
        """Return an item's level; 0 for raw materials and for unknown items."""
        return self._levels.get(item, 0)

    def nearest(self, name: str, others: Iterable[str] = ()) -> str | None:
        """Return the item, or one of the `others`, whose name is most like `name`; None if none is close."""
        return nearest(name, dict.fromkeys([*self._levels, *others]))

    def ingredients(self, targets: Mapping[str, int]) -> dict[str, int]:
        """Return what the recipes of some targets take directly, raw materials included."""
        taken: dict[str, int] = {}
        for item, count in targets.items():
            if (recipe := self.recipes.get(item)) is not None:
                batches = recipe.batches(count)
                for ingredient, amount in recipe.ingredients:
                    taken[ingredient] = taken.get(ingredient, 0) + batches * amount
        return taken

    def requirements(self, targets: Mapping[str, int]) -> dict[str, int]:
        """Return how many of each item it takes in all to make some targets, with every item made at once.

        Returns:
            The targets, all that their recipes take, and so on down to raw materials; higher levels first.
        """
        needed = dict(targets)
        pending: list[tuple[int, int, str]] = []
        for item in targets:
            heappush(pending, (-self.level(item), len(pending), item))
        required: dict[str, int] = {}
        while pending:
            item = heappop(pending)[2]
            required[item] = needed[item]  # final, since everything that takes it has a higher level
            recipe = self.recipes.get(item)
            if recipe is None:
                continue
            batches = recipe.batches(needed[item])
            for ingredient, amount in recipe.ingredients:
                if ingredient not in needed:
                    heappush(pending, (-self.level(ingredient), len(needed), ingredient))
                needed[ingredient] = needed.get(ingredient, 0) + batches * amount
        return required

    def crafts(self, targets: Mapping[str, int]) -> list[tuple[Recipe, int]]:
        """Return the crafts that make some targets from raw materials, in order: each recipe and its batches."""
        required = self.requirements(targets)
        recipes = ((self.recipes.get(item), count) for item, count in reversed(required.items()))
        return [(recipe, recipe.batches(count)) for recipe, count in recipes if recipe is not None]

    def raw_materials(self, targets: Mapping[str, int]) -> dict[str, int]:
        """Return the raw materials for some targets if each craft's ingredients are made apart, for it alone.

        This is what agents take that share nothing they make, and the most that any sensible plan takes: whoever makes
        an item for several crafts at once rounds up only once.
        """
        raw: dict[str, int] = {}
        apart: list[dict[tuple[str, int], int]] = [{} for _ in range(1 + max(map(self.level, targets), default=0))]
        for item, count in targets.items():
            apart[self.level(item)][item, count] = 1
        for amounts in reversed(apart):  # how often each amount of an item is made
            for (item, count), times in amounts.items():
                recipe = self.recipes.get(item)
                if recipe is None:
                    raw[item] = raw.get(item, 0) + times * count
                    continue
                batches = recipe.batches(count)
                for ingredient, amount in recipe.ingredients:
                    below = apart[self.level(ingredient)]
                    key = (ingredient, batches * amount)
                    below[key] = below.get(key, 0) + times
        return raw


def _levels_of(recipes: Mapping[str, Recipe]) -> dict[str, int]:
    """Return the level of every item that a recipe makes or takes.

    Raises:
        ValueError: An item is an ingredient of itself.
    """
    levels: dict[str, int] = {}
    for item in recipes:
        above: dict[str, Iterator[tuple[str, int]]] = {}
        path = [item] if item not in levels else []
        while path:
            lowest = path[-1]
            remaining = above.setdefault(lowest, iter(recipes[lowest].ingredients if lowest in recipes else ()))
            following = next((each for each, _ in remaining if each not in levels), None)
            if following is not None:
                if following in above:
                    raise ValueError(f"{following} is an ingredient of itself")
                path.append(following)
                continue
            path.pop()
            del above[lowest]
            taken = recipes[lowest].ingredients if lowest in recipes else ()
            levels[lowest] = 1 + max((levels[each] for each, _ in taken), default=0) if taken else 0
    return levels
