"""A small world of wood, and scenes that are played in it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import pytest

from rao_gym import Limits, Node, Runtime, Task
from rao_gym.actions import write_call
from rao_gym.tasks.textcraft import TextCraft
from rao_gym.tasks.textcraft.orders import Order, write_goal
from rao_gym.tasks.textcraft.published import INSTALL
from rao_gym.tasks.textcraft.recipes import Recipe, RecipeBook
from rao_gym.tasks.textcraft.workshop import Workshop
from rao_gym.tree import TaskRecord

BOOK = RecipeBook(
    [
        Recipe("plank", 4, (("log", 1),)),
        Recipe("stick", 4, (("plank", 2),)),
        Recipe("table", 1, (("plank", 4),)),
        Recipe("ladder", 3, (("stick", 7),)),
        Recipe("sign", 1, (("plank", 6), ("stick", 1))),
        Recipe("loft", 1, (("ladder", 2), ("table", 1), ("nail", 5))),
    ]
)
needs_published_tasks = pytest.mark.skipif(
    find_spec("platoon_textcraft") is None, reason=f"the published tasks are not installed: {INSTALL}"
)
LIMITS = Limits(max_turns=None, window=None)
ALL = tuple(BOOK.recipes)


def task_of(targets: Mapping[str, int], stock: Mapping[str, int]) -> Task[Order]:
    """Return the task to craft some targets from a stock."""
    record = TaskRecord(
        id="scene", family=TextCraft.id, seed=0, split="train", index=0, difficulty=1, goal=write_goal(targets),
        answer=dict(targets), provenance="counted in the ledger", parameters={},
    )  # fmt: skip
    return Task(record=record, context=Order(targets=dict(targets), stock=stock, book=BOOK))


class Scene:
    """A rollout whose agents act as the test says.

    Args:
        targets: The root's targets.
        **stock: What is in stock at the start.
    """

    def __init__(self, targets: Mapping[str, int], **stock: int) -> None:
        self.runtime = Runtime(TextCraft(), LIMITS, "tools")
        self.root = self.runtime.start(task_of(targets, stock))

    @property
    def workshop(self) -> Workshop:
        """The world."""
        world = self.runtime.world
        assert isinstance(world, Workshop)
        return world

    def act(self, node: Node, name: str, **arguments: Any) -> str:
        """Let a node make one call, and return the reply."""
        self.runtime.act(node, write_call(name, **arguments))
        return str(node.messages[-1]["content"]).removeprefix("<tool_response>\n").removesuffix("\n</tool_response>")

    def launch(self, node: Node, *targets: Mapping[str, int]) -> list[Node]:
        """Let a node launch children at once, and return them."""
        before = len(node.children)
        self.runtime.act(node, "".join(write_call("launch_subagent", targets=dict(each)) for each in targets))
        return list(node.children[before:])

    def craft(self, node: Node, item: str, count: int) -> str:
        """Let a node craft from exactly what it takes."""
        recipe = BOOK.recipes[item]
        ingredients = {name: amount * count // recipe.makes for name, amount in recipe.ingredients}
        return self.act(node, "craft", ingredients=ingredients, target=[item, count])

    def finish(self, node: Node) -> float | None:
        """Let a node finish, and return its signal."""
        self.act(node, "finish", answer="done")
        return node.signal
