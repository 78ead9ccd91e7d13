"""The menu of ``rao/TextCraft-v0``: look up recipes, craft, delegate ingredients, or finish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

from rao_gym.actions.calls import Call
from rao_gym.policies.base import Turn
from rao_gym.tasks.textcraft.policies import CALLS_PER_TURN, CRAFTED, SinglePolicy, may_launch, unknown_items
from rao_gym.tasks.textcraft.recipes import Recipe, RecipeBook
from rao_gym.tasks.textcraft.transcripts import GET_INFO, Notes, take_notes, write
from rao_gym.tools import FINISH, LAUNCH
from rao_gym.wrappers.menus.base import Choices, ratio

_MANY_CRAFTS: Final = 32
_MANY_ITEMS: Final = 16
_HIGH: Final = 8


@dataclass(frozen=True)
class TextCraftMenu:
    """Look up recipes, craft, delegate ingredients, or finish; the reckoning is done for the policy.

    A turn has room for four crafts, or four launches.

    - ``finish``: finish with a short message.
    - ``look_up``: look up the recipes of all items that the known recipes take. Only if some are unknown.
    - ``craft``: make the next crafts of the plan that the known recipes allow. Only if no recipe for it is unknown.
    - ``delegate``: launch a sub-agent for each of the next ingredients that have a recipe. Only before crafting.

    The features:

    - ``level``: the highest level of a target, as a share of 8; 0 if it is unknown;
    - ``unknown``: the number of items whose recipes are yet to be looked up, as a share of 16;
    - ``crafts``: the number of crafts of the plan, as a share of 32; ``suffices``: the share of the turns they take
      that are left; both only count what is known;
    - ``ingredients``: the number of ingredients that could still be delegated, as a share of 16;
    - ``is_crafted``: the share of the plan that is done;
    - ``has_delegated``, ``has_failed``: whether sub-agents were launched, and whether the last craft failed.
    """

    @property
    def actions(self) -> tuple[str, ...]:
        """Finish, look up, craft and delegate."""
        return ("finish", "look_up", "craft", "delegate")

    @property
    def features(self) -> tuple[str, ...]:
        """How much there is to make, and what was done."""
        return (
            "level",
            "unknown",
            "crafts",
            "suffices",
            "ingredients",
            "is_crafted",
            "has_delegated",
            "has_failed",
        )

    def choices(self, turn: Turn) -> Choices:
        """Read the transcript, and return what can be done."""
        notes = take_notes(turn)
        plan = _plan(notes)
        texts: dict[str, Callable[[], str]] = {"finish": partial(write, turn, [Call(FINISH, {"answer": CRAFTED})])}
        if plan.unknown:
            texts["look_up"] = partial(write, turn, [Call(GET_INFO, {"items": plan.unknown})])
        elif notes.num_crafts < len(plan.crafts) and not notes.has_failed:
            texts["craft"] = lambda: write(turn, SinglePolicy().craft(notes, plan.crafts))
        if plan.ingredients and notes.num_crafts == 0 and may_launch(turn):
            launches = [Call(LAUNCH, {"ingredient": item}) for item in islice(plan.ingredients, _most_launches(turn))]
            texts["delegate"] = partial(write, turn, launches)
        return Choices(_features(turn, notes, plan), texts)


@dataclass(frozen=True)
class _Plan:
    """What an agent that delegates no more has to do.

    Attributes:
        unknown: What it has to look up next.
        crafts: Its crafts in order, as far as recipes are known: of what sub-agents did not make, then of its targets.
        ingredients: Ingredients of its targets with a recipe, for which it has launched nobody.
    """

    unknown: list[str]
    crafts: list[tuple[Recipe, int]]
    ingredients: list[str]


def _plan(notes: Notes) -> _Plan:
    """Return the plan of an agent, from its transcript."""
    book = RecipeBook(notes.recipes.values())
    taken = book.ingredients(notes.targets)
    ingredients = [item for item in taken if item in notes.recipes and item not in notes.launched]
    if not notes.launched:
        return _Plan(unknown_items(notes, notes.targets), book.crafts(notes.targets), ingredients)
    missing = {item: count for item, count in taken.items() if item in ingredients}
    failed = {item: count for item, count in taken.items() if notes.launched.get(item, CRAFTED) != CRAFTED}
    targets = sorted(notes.targets, key=book.level)
    own = [(book.recipes[item], book.recipes[item].batches(notes.targets[item])) for item in targets]
    needed = missing | failed
    return _Plan(unknown_items(notes, needed), book.crafts(needed) + own, ingredients)


def _most_launches(turn: Turn) -> int:
    """Return how many sub-agents the agent may launch in this turn."""
    return min(CALLS_PER_TURN, *(n for n in (turn.limits.children, turn.limits.nodes, CALLS_PER_TURN) if n is not None))


def _features(turn: Turn, notes: Notes, plan: _Plan) -> list[float]:
    """Return the features."""
    num_turns = -(-len(plan.crafts) // CALLS_PER_TURN) + 1
    return [
        ratio(max(notes.levels.get(item, 0) for item in notes.targets), _HIGH),
        ratio(len(plan.unknown), _MANY_ITEMS),
        ratio(len(plan.crafts), _MANY_CRAFTS),
        1.0 if turn.limits.turns is None else ratio(turn.limits.turns, num_turns),
        ratio(len(plan.ingredients), _MANY_ITEMS),
        ratio(notes.num_crafts, max(1, len(plan.crafts))),
        float(bool(notes.launched)),
        float(notes.has_failed),
    ]
