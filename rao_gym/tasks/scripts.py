"""Actions as scripted policies write them, in either action form, and read them back from a transcript."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rao_gym.actions import read_calls, read_code, write_call, write_cell
from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_gym.tools import FINISH, LAUNCH

Launch = Mapping[str, str | int]
"""The arguments of a launch."""

_LAUNCHES = "launches"  # the variable of a cell that holds them
_RESPONSE = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


def write_tool(turn: Turn, name: str, /, **arguments: str | int) -> str:
    """Return the action that calls a tool."""
    if turn.actions == "tools":
        return write_call(name, **arguments)
    return write_cell(f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})")


def write_finish(turn: Turn, answer: JSON) -> str:
    """Return the action that hands back an answer."""
    return write_call(FINISH, answer=answer) if turn.actions == "tools" else write_cell(f"{FINISH}({answer!r})")


def write_launches(turn: Turn, launches: Sequence[Launch]) -> str:
    """Return the action that launches sub-agents, all at once."""
    if turn.actions == "tools":
        return "\n".join(write_call(LAUNCH, **launch) for launch in launches)
    return write_cell(
        "import json\n"
        f"{_LAUNCHES} = {[dict(launch) for launch in launches]!r}\n"
        f"answers = await asyncio.gather(*[{LAUNCH}(**launch) for launch in {_LAUNCHES}])\n"
        "print(json.dumps(answers))"
    )


def calls_in(action: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls of an action that was written here: the name and the arguments of each."""
    calls = [(call.name, call.arguments) for call in read_calls(action)]
    code = None if calls else read_code(action)
    return calls if code is None else [call for line in ast.parse(code).body for call in _calls_of(line)]


def answers_in(reply: str) -> list[JSON]:
    """Return the values that launches returned; a sentence about a failure stays text."""
    responses = _RESPONSE.findall(reply)
    if responses:
        return [_value(response) for response in responses]
    values = _value(reply.partition("\n")[0])
    return values if isinstance(values, list) else [values]


def text_of(reply: str) -> str:
    """Return the reply to a single call, without the tags around it."""
    response = _RESPONSE.fullmatch(reply)
    return reply if response is None else response[1]


def may_launch(turn: Turn, number: int = 1) -> bool:
    """Tell whether an agent can launch so many sub-agents."""
    limits = turn.limits
    launches = any(spec.name == LAUNCH for spec in turn.tools)
    return launches and limits.depth != 0 and all(n is None or n >= number for n in (limits.children, limits.nodes))


def _calls_of(line: ast.stmt) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls of one line of a cell."""
    match line:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name), keywords=keywords)):
            return [(name, {each.arg or "": ast.literal_eval(each.value) for each in keywords if each.arg})]
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == _LAUNCHES:
            return [(LAUNCH, launch) for launch in ast.literal_eval(value)]
    return []


def _value(text: str) -> JSON:
    """Return what a JSON text holds, or the text."""
    try:
        value: JSON = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
