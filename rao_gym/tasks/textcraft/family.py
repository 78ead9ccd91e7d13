"""The crafting families: what they share, and ``rao/TextCraft-v0``, whose worlds are generated."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from rao_gym.errors import InvalidValueError, shortened, unknown_name
from rao_gym.jsonable import JSON
from rao_gym.limits import Limits, check_count, is_number
from rao_gym.policies.base import Policy
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.base import Task, TaskFamily, rng
from rao_gym.tasks.textcraft.generation import MAX_LEVELS, Shape, generate
from rao_gym.tasks.textcraft.names import NAMINGS
from rao_gym.tasks.textcraft.orders import Order, order_of, write_goal
from rao_gym.tasks.textcraft.parts import share_of
from rao_gym.tasks.textcraft.policies import RecursivePolicy, SinglePolicy
from rao_gym.tasks.textcraft.recipes import RecipeBook
from rao_gym.tasks.textcraft.workshop import Workshop
from rao_gym.tools import Parameter, ToolError, ToolResult, ToolSpec

MAX_ASKED = 100
"""The most items that one call of `get_info` can ask for."""

_MAX_TARGETS = 4
_MAX_INGREDIENTS = 6
_MAX_DISTRACTORS = 20
_MAX_SLACK = 100

_RULES = (
    "You craft items from a stock that all agents share. A recipe turns exact amounts of its ingredients into the "
    "amount that it makes, and can be applied several times at once. Items without a recipe are raw materials: they "
    "can only come from the stock. Craft your targets anew: what is in stock already does not count. When they are "
    "made, finish with a short message."
)
_DELEGATING = (
    " A sub-agent crafts its targets into the same stock, for you to use: give it targets, or name an ingredient of "
    "your own targets, and it crafts as many as they take."
)


class Crafting(TaskFamily[Order]):
    """What the crafting families share: the tools, launches, and credit by the ledger."""

    launch_parameters = (
        Parameter("targets", "object", 'What it must craft, such as {"plank": 4}.', required=False),
        Parameter("ingredient", "string", "Instead of targets: an ingredient of your own targets.", required=False),
    )
    launch_description = "Let a new agent craft items into the shared stock. The goal may be left out."
    goal_optional = True

    @abstractmethod
    def book_of(self, task: Task[Order]) -> RecipeBook:
        """Return the recipes of a task."""

    def open_world(self, task: Task[Order]) -> Workshop:
        """Return a workshop with a stock of its own."""
        return Workshop(self.book_of(task), task.context.stock)

    def rules(self, *, recursive: bool) -> str:
        """Describe crafting, and delegation where there is any."""
        return _RULES + (_DELEGATING if recursive else "")

    def opening(self, agent: Agent[Order]) -> str:
        """Return the goal, which names the targets."""
        return agent.goal

    def variables(self, agent: Agent[Order]) -> Mapping[str, Any]:
        """Return the targets, for Python sessions."""
        return {"targets": dict(agent.context.targets)}

    def tool_specs(self) -> Sequence[ToolSpec]:
        """Return the tools of crafting."""
        items = Parameter("items", "array", "Names of items.")
        ingredients = Parameter("ingredients", "object", "All ingredients with their amounts in total.")
        target = Parameter("target", "array", "[item, amount]; the amount is a multiple of what the recipe makes.")
        return (
            ToolSpec("get_info", "Show level, stock and recipe of items.", (items,)),
            ToolSpec("view_inventory", "Show what is in stock."),
            ToolSpec("craft", "Make an item from the stock.", (ingredients, target)),
        )

    def call_tool(self, name: str, agent: Agent[Order], arguments: Mapping[str, Any]) -> ToolResult:
        """Carry out a call; one that cannot be carried out changes nothing."""
        workshop: Workshop = agent.world
        if name == "get_info":
            return ToolResult(value=_info(workshop, arguments["items"]))
        if name == "view_inventory":
            return ToolResult(value=dict(workshop.stock))
        if name == "craft":
            target = arguments["target"]
            if len(target) != 2:
                raise ToolError(f"target must be [item, amount], got {shortened(repr(target))}.")
            craft = workshop.craft(agent, arguments["ingredients"], *target)
            return ToolResult(value=f"Made {craft.count} {craft.item}. {workshop.in_stock(craft.item)}")
        return super().call_tool(name, agent, arguments)

    def delegate(self, goal: str, agent: Agent[Order], arguments: Mapping[str, Any]) -> tuple[str, Order]:
        """Return the goal and the targets of a child."""
        return order_of(goal, agent.context.targets, arguments, agent.world)

    def verify(self, task: Task[Order], agent: Agent[Order], value: JSON) -> float:
        """Tell whether the agent and its descendants have gained all of its targets, by the ledger."""
        gained = agent.world.gained(agent)
        return float(all(gained.get(item, 0) >= count for item, count in agent.context.targets.items()))

    def part_of(
        self, task: Task[Order], parent: Agent[Order], child: Agent[Order], siblings: Sequence[Agent[Order]]
    ) -> float:
        """Return the share of the parent's work that the child takes over; 0 for what its targets do not take."""
        others = [sibling.context.targets for sibling in siblings]
        return share_of(child.context.targets, parent.context.targets, others, parent.world.book)

    def divisible(self, agent: Agent[Order]) -> bool:
        """Tell whether there is anything to craft besides a single target."""
        targets, book = agent.context.targets, agent.world.book
        return len(targets) > 1 or any(book.level(item) > 1 for item in targets)


class TextCraft(Crafting):
    """Craft targets from raw materials by recipes of a generated world; ingredients can go to sub-agents.

    Args:
        levels: Levels of recipes from the raw materials to the targets. Default: the difficulty.
        targets: Number of different targets.
        ingredients: The most ingredients of a recipe.
        names: ``"opaque"``, such as qd37, or ``"meaningful"``, such as oak_panel.
        slack: How much more raw material is in stock than the targets take, as a share; with 0, none is left over.
        distractors: Number of items in stock that the targets do not take.

    Raises:
        UnknownNameError: There are no such names.
        InvalidValueError: A value is out of range.
    """

    id = "rao/TextCraft-v0"
    default_limits = Limits(max_depth=32, max_turns=8, window=4_096)

    def __init__(
        self,
        levels: int | None = None,
        targets: int = 1,
        ingredients: int = 3,
        names: str = "opaque",
        slack: float = 0.25,
        distractors: int = 3,
    ) -> None:
        if names not in NAMINGS:
            raise unknown_name("names", names, NAMINGS)
        if not is_number(slack) or not 0 <= slack <= _MAX_SLACK:
            raise InvalidValueError(f"slack must be a number from 0 to {_MAX_SLACK}, got {slack!r}.")
        self.levels = None if levels is None else _count("levels", levels, 1, MAX_LEVELS)
        self.num_targets = _count("targets", targets, 1, _MAX_TARGETS)
        self.max_ingredients = _count("ingredients", ingredients, 1, _MAX_INGREDIENTS)
        self.num_distractors = _count("distractors", distractors, 0, _MAX_DISTRACTORS)
        self.names = names
        self.slack = float(slack)

    def sample(self, seed: int, split: str, index: int, difficulty: int) -> Task[Order]:
        """Return a task; see `rao_gym.tasks.textcraft.generation` for how worlds are drawn."""
        generator = rng(seed, split, index, difficulty)
        if self.levels is None and difficulty > MAX_LEVELS:
            raise InvalidValueError(f"difficulty must be at most {MAX_LEVELS}, got {difficulty}.")
        shape = Shape(
            levels=self.levels or int(difficulty),
            num_targets=self.num_targets,
            max_ingredients=self.max_ingredients,
            naming=self.names,
            slack=self.slack,
            num_distractors=self.num_distractors,
        )
        made = generate(shape, split, generator)
        record = self.record(
            seed=seed,
            split=split,
            index=index,
            difficulty=difficulty,
            goal=write_goal(made.targets),
            answer=dict(made.targets),
            provenance="counted in the ledger",
            parameters={
                "levels": shape.levels,
                "ingredients": shape.max_ingredients,
                "names": shape.naming,
                "slack": shape.slack,
                "distractors": shape.num_distractors,
                "crafts": made.num_crafts,
            },
        )
        return Task(record=record, context=Order(targets=made.targets, stock=made.stock, book=made.book))

    def book_of(self, task: Task[Order]) -> RecipeBook:
        """Return the recipes of the task's own world."""
        if task.context.book is None:
            raise InvalidValueError(f"{task.record.id} is not a task of {self.id}: it has no recipes.")
        return task.context.book

    def reference_policy(self) -> Policy:
        """Return the policy that launches an agent for every ingredient."""
        return RecursivePolicy()

    def single_policy(self) -> Policy:
        """Return the policy that crafts everything itself."""
        return SinglePolicy()


def _info(workshop: Workshop, items: Sequence[object]) -> list[dict[str, Any]]:
    """Return level, stock and recipe of some items.

    Raises:
        ToolError: One of them is no item, or there are too many.
    """
    if len(items) > MAX_ASKED:
        raise ToolError(f"ask for at most {MAX_ASKED} items at once, not {len(items)}.")
    described = []
    for item in items:
        if not isinstance(item, str) or not (workshop.book.knows(item) or item in workshop.stock):
            raise ToolError(workshop.unknown(item))
        info: dict[str, Any] = {
            "item": item,
            "level": workshop.book.level(item),
            "in_stock": workshop.stock.get(item, 0),
        }
        recipe = workshop.book.recipes.get(item)
        if recipe is not None:
            info |= {"makes": recipe.makes, "ingredients": dict(recipe.ingredients)}
        described.append(info)
    return described


def _count(name: str, value: object, smallest: int, largest: int) -> int:
    """Return an option that is a whole number of a range.

    Raises:
        InvalidValueError: It is not.
    """
    count = check_count(name, value, minimum=smallest)
    if count > largest:
        raise InvalidValueError(f"{name} must be at most {largest}, got {count}.")
    return count
