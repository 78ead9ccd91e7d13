"""Transcripts as the scripted policies read them, and the actions that they write, in either action form."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rao_gym.actions.calls import Call, read_calls
from rao_gym.actions.code_blocks import read_code
from rao_gym.actions.writing import write_call, write_cell
from rao_gym.policies.base import Turn
from rao_gym.tasks.textcraft.orders import read_goal
from rao_gym.tasks.textcraft.recipes import Recipe
from rao_gym.tools import FINISH, LAUNCH

GET_INFO = "get_info"
CRAFT = "craft"
MADE = "Made "

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
    for call, reply in _exchanges(turn):
        if call.name == GET_INFO:
            _learn(notes, reply)
        elif call.name == CRAFT:
            made = reply.startswith(MADE)
            notes.num_crafts += made
            notes.has_failed = not made
        elif call.name == LAUNCH:
            given = call.arguments.get("targets") or {call.arguments.get("ingredient"): 0}
            notes.launched |= {str(item): reply for item in given}
    return notes


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


def _exchanges(turn: Turn) -> Iterator[tuple[Call, str]]:
    """Yield each call of an agent with its reply."""
    for action, reply in zip(turn.messages[2::2], turn.messages[3::2], strict=False):
        if turn.actions == "tools":
            calls, replies = read_calls(action["content"]), _RESPONSE.findall(reply["content"])
        else:
            calls, replies = _calls_in(action["content"]), reply["content"].split("\n")
        yield from zip(calls, replies, strict=False)


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


def _learn(notes: Notes, reply: str) -> None:
    """Note what a reply tells of items: JSON, or what Python shows."""
    try:
        infos = json.loads(reply)
    except ValueError:
        try:
            infos = ast.literal_eval(reply)
        except (ValueError, SyntaxError):
            return
    for info in infos:
        notes.levels[info["item"]] = info["level"]
        if "makes" in info:
            ingredients: Mapping[str, Any] = info["ingredients"]
            notes.recipes[info["item"]] = Recipe(info["item"], info["makes"], tuple(ingredients.items()))
