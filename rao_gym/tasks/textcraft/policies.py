"""Scripted policies for crafting, which act on their transcripts alone.

All of them share one skill: **an agent writes at most four calls a turn**, and works out exactly what a plan takes from
the recipes that it has looked up. They take raw materials from the stock and make everything else themselves, because
what else is in stock may be meant for another agent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from rao_gym.actions.calls import Call
from rao_gym.policies.base import Turn
from rao_gym.tasks.textcraft.recipes import Recipe
from rao_gym.tasks.textcraft.transcripts import CRAFT, GET_INFO, Notes, take_notes, write
from rao_gym.tools import FINISH, LAUNCH

CALLS_PER_TURN: Final = 4
"""The skill of the policies."""

CRAFTED: Final = "Crafted."
"""What they answer when they have made their targets."""


@dataclass(frozen=True, kw_only=True)
class SinglePolicy:
    """Works alone: looks up recipes level by level, then crafts everything in order.

    Attributes:
        calls_per_turn: The most calls that it writes in a turn.
    """

    calls_per_turn: int = CALLS_PER_TURN

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Take one step for each agent."""
        return [write(turn, self.step(take_notes(turn))) for turn in turns]

    def step(self, notes: Notes) -> list[Call]:
        """Return the calls of an agent that makes everything itself."""
        if unknown := unknown_items(notes, notes.targets):
            return [Call(GET_INFO, {"items": unknown})]
        return self.craft(notes, notes.book.crafts(notes.targets))

    def craft(self, notes: Notes, plan: Sequence[tuple[Recipe, int]]) -> list[Call]:
        """Return the next crafts of a plan; after the last one, or one that failed, finish."""
        if notes.has_failed:
            return [Call(FINISH, {"answer": "I could not craft everything."})]
        following = islice(plan, notes.num_crafts, notes.num_crafts + self.calls_per_turn)
        crafts = [_craft(recipe, batches) for recipe, batches in following]
        return crafts or [Call(FINISH, {"answer": CRAFTED})]


@dataclass(frozen=True, kw_only=True)
class RecursivePolicy(SinglePolicy):
    """Launches an agent for every ingredient that has a recipe, and crafts its targets from what they made.

    Targets of a low level it makes alone, like `SinglePolicy`, and everything if it cannot launch.

    Attributes:
        alone_up_to: The highest level of targets that it makes alone.
        written: Whether launches write out the child's targets; otherwise they name ingredients of the agent's own.
    """

    alone_up_to: int = 2
    written: bool = False

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Take one step for each agent."""
        return [write(turn, self._step(turn, take_notes(turn))) for turn in turns]

    def _step(self, turn: Turn, notes: Notes) -> list[Call]:
        """Return the calls of one agent."""
        if unknown := [item for item in notes.targets if item not in notes.levels]:
            return [Call(GET_INFO, {"items": unknown})]
        is_high = any(notes.levels[item] > self.alone_up_to for item in notes.targets)
        if not is_high or not (notes.launched or may_launch(turn)):
            return self.step(notes)
        taken = notes.book.ingredients(notes.targets)
        if unknown := [item for item in taken if item not in notes.levels]:
            return [Call(GET_INFO, {"items": unknown})]
        missing = {item: count for item, count in taken.items() if item in notes.recipes and item not in notes.launched}
        if missing and may_launch(turn):
            return [self._launch(item, count) for item, count in islice(missing.items(), self.calls_per_turn)]
        failed = {item: count for item, count in taken.items() if notes.launched.get(item, CRAFTED) != CRAFTED}
        return self._conclude(notes, missing | failed)

    def _launch(self, item: str, count: int) -> Call:
        """Return the launch of an agent for an ingredient."""
        return Call(LAUNCH, {"targets": {item: count}} if self.written else {"ingredient": item})

    def _conclude(self, notes: Notes, missing: dict[str, int]) -> list[Call]:
        """Return the calls that make what no sub-agent made, and the targets from that and from what they made."""
        if unknown := unknown_items(notes, missing):
            return [Call(GET_INFO, {"items": unknown})]
        book = notes.book
        own = sorted(notes.targets, key=book.level)
        recipes = [(book.recipes[item], book.recipes[item].batches(notes.targets[item])) for item in own]
        return self.craft(notes, book.crafts(missing) + recipes)


def unknown_items(notes: Notes, targets: Mapping[str, int]) -> list[str]:
    """Return what is to be looked up next: whatever the known recipes take.

    What items of level 1 take is raw material, which needs no looking up.
    """
    pending, seen, unknown = list(targets), set(targets), []
    while pending:
        item = pending.pop()
        if item not in notes.levels:
            unknown.append(item)
        elif item in notes.recipes and notes.levels[item] > 1:
            new = [each for each, _ in notes.recipes[item].ingredients if each not in seen]
            seen.update(new)
            pending.extend(new)
    return unknown


def _craft(recipe: Recipe, batches: int) -> Call:
    """Return the call that applies a recipe so many times."""
    ingredients = {item: batches * amount for item, amount in recipe.ingredients}
    return Call(CRAFT, {"ingredients": ingredients, "target": [recipe.item, batches * recipe.makes]})


def may_launch(turn: Turn) -> bool:
    """Tell whether an agent may launch others."""
    limits = turn.limits
    launches = any(spec.name == LAUNCH for spec in turn.tools)
    return launches and limits.depth != 0 and all(left is None or left >= 2 for left in (limits.children, limits.nodes))
