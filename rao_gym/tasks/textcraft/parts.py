"""Which share of an agent's work a child takes over.

Work is counted in batches: how often recipes have to be applied. An agent with one target applies its last recipe
itself, so that is not part of what it can share. What siblings were given counts for them alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rao_gym.tasks.textcraft.recipes import RecipeBook


def share_of(
    targets: Mapping[str, int], own: Mapping[str, int], siblings: Sequence[Mapping[str, int]], book: RecipeBook
) -> float:
    """Return the share of the work on an agent's `own` targets that a child with some `targets` does.

    Args:
        targets: The child's targets.
        own: The targets of the agent that launches it.
        siblings: The targets of the children that it launched before.
        book: The recipes.
    """
    if all(targets.get(item, 0) >= count for item, count in own.items()):
        return 0.0  # not a part of the work, but all of it
    required = book.requirements(own)
    given: dict[str, int] = {}
    for sibling in siblings:
        for item, count in book.requirements(sibling).items():
            given[item] = given.get(item, 0) + count
    needed = {item: min(count, required.get(item, 0) - given.get(item, 0)) for item, count in targets.items()}
    useful = {item: count for item, count in needed.items() if count > 0}
    if not useful:
        return 0.0
    wanted = book.requirements(useful)
    new = {item: min(count, required.get(item, 0) - given.get(item, 0)) for item, count in wanted.items()}
    last = own if len(own) == 1 else {}
    total = _batches({item: count for item, count in required.items() if item not in last}, book)
    return min(1.0, _batches(new, book) / (total or _batches(own, book)))


def _batches(counts: Mapping[str, int], book: RecipeBook) -> int:
    """Return how often recipes have to be applied to make these amounts, from ingredients that are there."""
    return sum(
        book.recipes[item].batches(count) for item, count in counts.items() if item in book.recipes and count > 0
    )
