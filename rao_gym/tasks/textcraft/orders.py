"""Orders: what an agent has to craft, how that is written as a goal, and how a launch names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rao_gym.errors import shortened
from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.textcraft.recipes import RecipeBook
from rao_gym.tasks.textcraft.workshop import MAX_COUNT, Workshop

MAX_TARGETS = 100
"""The most items that one launch can ask for."""

_PREFIX = "Craft the following items: "
_TARGET = re.compile(r"(\d{1,10})x (\w+)")
_GOAL = re.compile(rf"\s*{_PREFIX}({_TARGET.pattern}(?:, {_TARGET.pattern})*)\.?\s*")


@dataclass(frozen=True, kw_only=True)
class Order:
    """An agent's context.

    Attributes:
        targets: What it must craft, with amounts.
        stock: For the root, what is in stock at the start.
        book: For the root, the recipes; None if they are the same in every task of the family.
    """

    targets: Mapping[str, int]
    stock: Mapping[str, int] = field(default_factory=dict, repr=False)
    book: RecipeBook | None = field(default=None, repr=False)


def write_goal(targets: Mapping[str, int]) -> str:
    """Return the goal to craft some targets, in the words of the published tasks."""
    return _PREFIX + ", ".join(f"{count}x {item}" for item, count in targets.items())


def read_goal(goal: str) -> dict[str, int] | None:
    """Return the targets that a goal in these words names; None if it is in others."""
    match = _GOAL.fullmatch(goal)
    if match is None:
        return None
    targets: dict[str, int] = {}
    for digits, item in _TARGET.findall(match[1]):
        targets[item] = targets.get(item, 0) + int(digits)
    return targets


def order_of(goal: str, own: Mapping[str, int], arguments: Mapping[str, Any], workshop: Workshop) -> tuple[str, Order]:
    """Return the goal and the order of a child.

    Args:
        goal: The goal that was given, or ``""``.
        own: The targets of the agent that launches.
        arguments: The arguments of the launch.
        workshop: The world.

    Raises:
        LaunchRefusedError: It is not clear what to craft, no recipe makes it, or it is all of the agent's own work.
    """
    ingredient, named, written = arguments.get("ingredient") or None, arguments.get("targets"), read_goal(goal)
    if ingredient is not None and named is not None:
        raise LaunchRefusedError("give targets or an ingredient, not both.")
    if ingredient is not None:
        targets = _by_reference(str(ingredient), own, workshop)
    elif named is not None:
        targets = _checked(named, workshop)
    elif written is not None:
        targets = _checked(written, workshop)
    else:
        raise LaunchRefusedError('say what to craft: targets={"item": amount}, or an ingredient of your targets.')
    if written not in (None, targets):
        raise LaunchRefusedError(f"the goal names other targets than {shortened(write_goal(targets))!r}.")
    if all(targets.get(item, 0) >= count for item, count in own.items()):
        raise LaunchRefusedError("that is all of your own work. Launch a part of it.")
    words = "" if written is not None else goal.strip()
    return f"{write_goal(targets)}\n{words}".rstrip(), Order(targets=targets)


def _by_reference(ingredient: str, own: Mapping[str, int], workshop: Workshop) -> dict[str, int]:
    """Return an ingredient of the agent's own targets, as many as they take.

    Raises:
        LaunchRefusedError: They do not take it, or no recipe makes it.
    """
    taken = workshop.book.ingredients(own)
    if ingredient not in taken:
        choices = [item for item in taken if item in workshop.book.recipes]
        raise LaunchRefusedError(
            f"{shortened(ingredient)!r} is no ingredient of your targets. "
            + (f"They take: {', '.join(choices)}." if choices else "They take raw materials alone.")
        )
    return _checked({ingredient: taken[ingredient]}, workshop)


def _checked(targets: object, workshop: Workshop) -> dict[str, int]:
    """Return targets that recipes make.

    Raises:
        LaunchRefusedError: One of them is no item, or raw, or its amount is none.
    """
    if not isinstance(targets, dict) or not 0 < len(targets) <= MAX_TARGETS:
        raise LaunchRefusedError(f"targets must name 1 to {MAX_TARGETS} items with amounts.")
    for item, count in targets.items():
        if not isinstance(item, str) or not (workshop.book.knows(item) or item in workshop.stock):
            raise LaunchRefusedError(workshop.unknown(item))
        if item not in workshop.book.recipes:
            raise LaunchRefusedError(f"{item} is a raw material; no recipe makes it. {workshop.in_stock(item)}")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= MAX_COUNT:
            raise LaunchRefusedError(f"the amount of {item} must be a whole number from 1 to {MAX_COUNT:,}.")
    return targets
