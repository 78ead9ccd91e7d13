"""Read tool calls from a model's reply, by the rules in ``docs/actions.md``."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from rao_gym.actions.thinking import END_OF_THINKING, STOP_STRINGS, actions_of, marks
from rao_gym.errors import nearest

CALL_TAGS = ("<tool_call>", "</tool_call>")
CALL_EXAMPLE = '<tool_call>{"name": "...", "arguments": {...}}</tool_call>'
MAX_BROKEN_CALLS = 64
"""After this many calls that are not JSON, the rest of a message is ignored."""

_MARKS = marks(CALL_TAGS[0], STOP_STRINGS["tools"])
_END = re.compile(f"</?tool_call>|{END_OF_THINKING}")
_END_OF_BROKEN = re.compile(f"</tool_call>|{END_OF_THINKING}")
_CALL_KEYS = ("name", "arguments")
_MEANT = {
    **dict.fromkeys(("parameters", "args", "kwargs", "input", "inputs"), "arguments"),
    **dict.fromkeys(("function", "tool", "tool_name"), "name"),
}
"""The names that other call formats use for the two keys."""


@dataclass(frozen=True)
class Call:
    """One tool call as the model wrote it.

    Attributes:
        name: The tool's name.
        arguments: Its arguments.
        error: The reply that says what is wrong with the call; empty if it is valid.
    """

    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def read_calls(text: str) -> list[Call]:
    """Return the tool calls of a reply in order.

    Calls inside thinking do not count, nor do calls after a tool response that the model made up. At most
    `MAX_BROKEN_CALLS` broken calls are read.
    """
    num_broken = 0

    def read(mark: re.Match[str]) -> tuple[Call, int]:
        nonlocal num_broken
        call, end = _read_call(text, mark.end())
        num_broken += bool(call.error)
        return call, end if num_broken < MAX_BROKEN_CALLS else len(text)

    return actions_of(text, _MARKS, read)


def _read_call(text: str, start: int) -> tuple[Call, int]:
    """Return the call after an opening tag, and where to continue.

    The JSON value is decoded before the closing tag is looked for, because arguments may contain the tags. Broken JSON
    extends to the next closing tag, because anything that it quotes is not a call. A tag followed by prose only
    mentions a call.
    """
    call, end = _decode(text, start)
    is_json_like = re.compile(r"\s*[{\[]").match(text, start)
    following = (_END_OF_BROKEN if call.error and is_json_like else _END).search(text, end)
    if following is None:
        return call, end if not call.error else len(text)
    if following[0] != CALL_TAGS[1]:  # the closing tag is missing; the rest is read on its own
        return call, following.start()
    if not call.error and text[end : following.start()].strip():
        call = Call(error=f"Error: something follows the JSON object of a tool call. Write {CALL_EXAMPLE}")
    return call, following.end()


def _decode(text: str, start: int) -> tuple[Call, int]:
    """Return the call whose JSON starts here, and where the JSON ends, or where it starts if it is invalid."""
    while start < len(text) and text[start].isspace():
        start += 1
    try:
        document, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError as error:
        said = _shorten(error, start)
        return Call(error=f"Error: the tool call is not valid JSON: {said}. Write {CALL_EXAMPLE}"), start
    except RecursionError:
        return Call(error="Error: the tool call is nested too deeply."), start
    return _call_of(document), end


def _shorten(error: ValueError, body: int) -> str:
    """Return the JSON decoder's message, with the position relative to the start of the call."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos - body}"
    return str(error)


def _call_of(document: Any) -> Call:
    """Return a decoded value as a call."""
    if not isinstance(document, dict):
        return Call(error=f"Error: a tool call is an object with a name. Write {CALL_EXAMPLE}")
    for key in document:
        if key not in _CALL_KEYS:
            hint = _MEANT.get(key) or nearest(key[:80], _CALL_KEYS)
            suggestion = f" Did you mean {hint!r}?" if hint else ""
            return Call(error=f"Error: a tool call has no key {key[:80]!r}.{suggestion} Write {CALL_EXAMPLE}")
    name = document.get("name")
    if not isinstance(name, str):
        return Call(error=f"Error: a tool call is an object with a name. Write {CALL_EXAMPLE}")
    arguments = document.get("arguments", {})
    if not isinstance(arguments, dict):
        return Call(error=f"Error: the arguments of {name[:80]!r} must be an object.")
    return Call(name=name, arguments=arguments)
