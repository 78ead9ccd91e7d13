"""The workshop: the stock that the agents of one rollout share, its crafts, and the ledger of who made what.

The ledger credits what an agent *gained*: what it and its descendants made of an item, less what they used of it.

- What others do afterwards changes nothing: an agent keeps its gain when its parent or a sibling uses the item.
- What others made, or what was in stock at the start, is no gain.
- Nothing counts twice: of two planks made, one that was built into a table is part of the table alone.
- A deed of a child counts once for the child, and once for each of its ancestors.

For the root, the gain is exactly the change of the stock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rao_gym.errors import shortened
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.textcraft.recipes import Recipe, RecipeBook
from rao_gym.tasks.world import Ledger, World
from rao_gym.tools import ToolError

MAX_COUNT = 10**9
"""The largest amount in a craft or a launch."""

_MAX_LISTED = 12


@dataclass(frozen=True, slots=True)
class Craft:
    """One craft, as the ledger keeps it.

    Attributes:
        item: What was made.
        count: How many.
        used: What it took, with amounts.
    """

    item: str
    count: int
    used: tuple[tuple[str, int], ...]


def gains(crafts: Iterable[Craft]) -> dict[str, int]:
    """Return what was made of each item in some crafts, less what they used; it can be negative."""
    gained: dict[str, int] = {}
    for craft in crafts:
        gained[craft.item] = gained.get(craft.item, 0) + craft.count
        for item, amount in craft.used:
            gained[item] = gained.get(item, 0) - amount
    return gained


class Workshop(World):
    """The world of one rollout.

    Args:
        book: The recipes.
        stock: What is in stock at the start.

    Attributes:
        book: The recipes.
        stock: What is in stock now.
    """

    def __init__(self, book: RecipeBook, stock: Mapping[str, int]) -> None:
        super().__init__()
        self.ledger: Ledger[Craft] = Ledger()
        self.book = book
        self.stock = {item: count for item, count in stock.items() if count}

    def craft(self, agent: Agent[Any], ingredients: Mapping[Any, Any], item: object, count: object) -> Craft:
        """Let an agent make `count` of an item from exactly the `ingredients` that this takes.

        Raises:
            ToolError: It cannot be made like this; nothing has changed.
        """
        recipe = self._recipe(item)
        batches, rest = divmod(self._count(item, count), recipe.makes)
        if rest:
            fitting = f"{batches * recipe.makes} or " if batches else ""
            raise ToolError(
                f"{recipe.item} is made {recipe.makes} at a time: craft {fitting}{(batches + 1) * recipe.makes}, "
                f"not {count}."
            )
        used = tuple((ingredient, batches * amount) for ingredient, amount in recipe.ingredients)
        self._check(ingredients, recipe, batches, dict(used))
        for ingredient, amount in used:
            left = self.stock[ingredient] - amount
            if left:
                self.stock[ingredient] = left
            else:
                del self.stock[ingredient]
        craft = Craft(recipe.item, batches * recipe.makes, used)
        self.stock[craft.item] = self.stock.get(craft.item, 0) + craft.count
        self.ledger.write(agent, craft)
        return craft

    def gained(self, agent: Agent[Any]) -> dict[str, int]:
        """Return what an agent and its descendants have gained of each item."""
        return gains(self.ledger.under(agent))

    def unknown(self, item: object) -> str:
        """Say that there is no such item, which one may be meant, and how many of it are in stock."""
        name = str(item)
        hint = self.book.nearest(name, self.stock)
        suggestion = f" Did you mean {hint!r}? {self.in_stock(hint)}" if hint else ""
        return f"there is no item {shortened(name)!r}.{suggestion}"

    def in_stock(self, item: str) -> str:
        """Say how many of an item are in stock."""
        count = self.stock.get(item, 0)
        return f"{count or 'None'} {'is' if count == 1 else 'are'} in stock."

    def _recipe(self, item: object) -> Recipe:
        """Return the recipe that makes an item.

        Raises:
            ToolError: There is none.
        """
        if not isinstance(item, str):
            raise ToolError(f"the target's item must be a name, got {shortened(repr(item))}.")
        recipe = self.book.recipes.get(item)
        if recipe is None and (self.book.knows(item) or item in self.stock):
            raise ToolError(f"{item} is a raw material; no recipe makes it. {self.in_stock(item)}")
        if recipe is None:
            raise ToolError(self.unknown(item))
        return recipe

    def _count(self, item: object, count: object) -> int:
        """Return an amount.

        Raises:
            ToolError: It is none.
        """
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= MAX_COUNT:
            raise ToolError(
                f"the amount of {shortened(str(item))} must be a whole number from 1 to {MAX_COUNT:,}, "
                f"got {shortened(repr(count))}."
            )
        return count

    def _check(self, given: Mapping[Any, Any], recipe: Recipe, batches: int, used: Mapping[str, int]) -> None:
        """Check that the ingredients are exactly what the recipe takes, and are in stock.

        Raises:
            ToolError: They are not.
        """
        for item, count in given.items():
            if item not in used:
                known = isinstance(item, str) and (self.book.knows(item) or item in self.stock)
                what = f"{item} is no ingredient of {recipe.item}" if known else self.unknown(item).rstrip(".")
                raise ToolError(f"{what}. {self._needs(recipe, batches, used)}")
            if self._count(item, count) != used[item]:
                raise ToolError(f"{count} {item} is the wrong amount. {self._needs(recipe, batches, used)}")
        if len(given) < len(used):
            missing = next(item for item in used if item not in given)
            raise ToolError(f"{missing} is missing. {self._needs(recipe, batches, used)}")
        if any(self.stock.get(item, 0) < amount for item, amount in used.items()):
            raise ToolError(f"not enough in stock. {self._needs(recipe, batches, used)}")

    def _needs(self, recipe: Recipe, batches: int, used: Mapping[str, int]) -> str:
        """Say what a craft takes and what of it is in stock."""
        listed = [f"{amount} {item} ({self.stock.get(item, 0)} in stock)" for item, amount in used.items()]
        return f"{batches * recipe.makes} {recipe.item} take exactly {', '.join(listed[:_MAX_LISTED])}."
