"""Transcripts as the scripted policies read them, and the actions that they write, in either action form."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rao_gym.actions.calls import Call, read_calls
from rao_gym.actions.code_blocks import read_code
from rao_gym.actions.writing import write_call, write_cell
from rao_gym.policies.base import Turn
from rao_gym.tasks.textcraft.orders import read_goal
from rao_gym.tasks.textcraft.recipes import Recipe, RecipeBook
from rao_gym.tools import FINISH, LAUNCH

GET_INFO = "get_info"
CRAFT = "craft"
MADE = "Made "

_NUM_KEPT = 1 << 14  # texts that are read once rather than in every later turn

_RESPONSE = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


@dataclass(kw_only=True)
class Notes:
    """What an agent knows from its transcript.

    Attributes:
        targets: What it has to craft.
        levels: Level of each item that it asked about.
        recipes: The recipes that it knows, by what they make.
        num_crafts: Crafts that it made.
        has_failed: Whether its last craft failed.
        launched: What it launched agents for, with their replies.
    """

    targets: dict[str, int]
    levels: dict[str, int] = field(default_factory=dict)
    recipes: dict[str, Recipe] = field(default_factory=dict)
    num_crafts: int = 0
    has_failed: bool = False
    launched: dict[str, str] = field(default_factory=dict)

    @property
    def book(self) -> RecipeBook:
        """The recipes that it knows."""
        return RecipeBook(self.recipes.values(), self.levels)


def take_notes(turn: Turn) -> Notes:
    """Read an agent's transcript.

    Raises:
        ValueError: It does not begin as this family's do.
    """
    goal = turn.messages[1]["content"].partition("\n")[0]
    targets = read_goal(goal)
    if targets is None:
        raise ValueError(f"not a crafting transcript: {goal[:80]!r}")
    notes = Notes(targets=targets)
    for action, reply in zip(turn.messages[2::2], turn.messages[3::2], strict=False):
        for call, answer in _exchanges(turn.actions, action["content"], reply["content"]):
            _note(notes, call, answer)
    return notes


def _note(notes: Notes, call: Call, answer: str) -> None:
    """Note what came of one call."""
    if call.name == GET_INFO:
        for item, level, recipe in _infos(answer):
            notes.levels[item] = level
            if recipe is not None:
                notes.recipes[item] = recipe
    elif call.name == CRAFT:
        notes.has_failed = not answer.startswith(MADE)
        notes.num_crafts += not notes.has_failed
    elif call.name == LAUNCH:
        given = call.arguments.get("targets") or {call.arguments.get("ingredient"): 0}
        notes.launched |= {str(item): answer for item in given}


def write(turn: Turn, calls: Sequence[Call]) -> str:
    """Return an action with some calls; launches run at once."""
    if turn.actions == "tools":
        return "\n".join(write_call(call.name, **call.arguments) for call in calls)
    if calls[0].name == LAUNCH:
        launches = ", ".join(_in_python(call) for call in calls)
        return write_cell(f"import asyncio\nfor reply in await asyncio.gather({launches}):\n    print(reply)")
    if calls[0].name == FINISH:
        return write_cell(_in_python(calls[0]))
    return write_cell("\n".join(f"print({_in_python(call)})" for call in calls))


def _in_python(call: Call) -> str:
    """Return a call in Python."""
    return f"{call.name}({', '.join(f'{name}={value!r}' for name, value in call.arguments.items())})"


@lru_cache(_NUM_KEPT)
def _exchanges(actions: str, action: str, reply: str) -> tuple[tuple[Call, str], ...]:
    """Return each call of a turn with its answer."""
    if actions == "tools":
        return tuple(zip(read_calls(action), _RESPONSE.findall(reply), strict=False))
    return tuple(zip(_calls_in(action), reply.split("\n"), strict=False))


def _calls_in(text: str) -> list[Call]:
    """Return the calls of our functions in a cell, in order."""
    tree = ast.parse(read_code(text) or "", mode="exec")
    found = [
        (node.lineno, node.col_offset, node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (GET_INFO, CRAFT, LAUNCH)
    ]
    return [
        Call(node.func.id, {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg})
        for _, _, node in sorted(found, key=lambda each: each[:2])
        if isinstance(node.func, ast.Name)
    ]


@lru_cache(_NUM_KEPT)
def _infos(answer: str) -> tuple[tuple[str, int, Recipe | None], ...]:
    """Return name, level and recipe of each item in an answer, which is JSON or what Python shows; none if it fails."""
    try:
        infos = json.loads(answer) if answer.startswith('[{"') else ast.literal_eval(answer)
    except (ValueError, SyntaxError):
        return ()
    return tuple(
        (
            info["item"],
            info["level"],
            Recipe(info["item"], info["makes"], tuple(info["ingredients"].items())) if "makes" in info else None,
        )
        for info in infos
    )
