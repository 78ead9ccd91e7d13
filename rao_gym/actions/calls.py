"""Tool calls in what a model wrote; the rules are those of ``docs/actions.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rao_gym.actions.thinking import STOP_STRINGS, Span, end_of_thinking, first_outside, without_leading_thinking
from rao_gym.errors import nearest

CALL_TAGS = ("<tool_call>", "</tool_call>")
CALL_EXAMPLE = '<tool_call>{"name": "...", "arguments": {...}}</tool_call>'
MAX_BROKEN_CALLS = 64
"""Calls that are not JSON after which the rest of a message is not read."""

_CALL_KEYS = ("name", "arguments")
_MEANT = {
    **dict.fromkeys(("parameters", "args", "kwargs", "input", "inputs"), "arguments"),
    **dict.fromkeys(("function", "tool", "tool_name"), "name"),
}
"""What other formats of calls name the two keys."""


@dataclass(frozen=True)
class Call:
    """One tool call as it was written.

    Attributes:
        name: The tool's name.
        arguments: Its arguments.
        error: What is wrong with the call, as the reply to it; empty when nothing is.
    """

    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def read_calls(text: str) -> list[Call]:
    """Return the tool calls of a reply in order.

    Calls inside its thinking do not count, nor do those that follow a response that the model made up.
    """
    text = without_leading_thinking(text)
    found = list(_calls(text))
    spans = [span for _, span in found]
    start, end = end_of_thinking(text, spans), len(text)
    for stop in STOP_STRINGS["tools"]:
        end = min(end, first_outside(text, stop, spans))
    return [call for call, (first, _) in found if start <= first < end]


def _calls(text: str) -> Iterator[tuple[Call, Span]]:
    """Yield every call, and where it stands.

    The JSON value is decoded first, and the closing tag looked for behind it: an argument may hold the tags. Text that
    is not JSON reaches up to the next closing tag. A message of many broken calls is read up to `MAX_BROKEN_CALLS`.
    """
    opening, closing = CALL_TAGS
    start, tag, num_broken = text.find(opening), 0, 0
    while start >= 0 and num_broken < MAX_BROKEN_CALLS:
        call, end = _decode(text, start + len(opening))
        if 0 <= tag < end:  # looked for again only where the last one found lies behind
            tag = text.find(closing, end)
        following = text.find(opening, end)
        if call.error:
            num_broken += 1
        elif 0 <= following < tag or tag < 0:  # the closing tag is missing, and the next call's is not this one's
            yield call, (start, following if following >= 0 else len(text))
            start = following
            continue
        elif text[end:tag].strip():
            call = Call(error=f"Error: something follows the JSON object of a tool call. Write {CALL_EXAMPLE}")
        stop = len(text) if tag < 0 else tag + len(closing)
        yield call, (start, stop)
        start = text.find(opening, stop)


def _decode(text: str, start: int) -> tuple[Call, int]:
    """Return the call whose JSON begins here, and where the JSON ends; where it begins, if it is none."""
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
    """Return what the JSON decoder says, with the place counted from the beginning of the call."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos - body}"
    return str(error)


def _call_of(document: Any) -> Call:
    """Return a decoded value as a call."""
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        return Call(error=f"Error: a tool call is an object with a name. Write {CALL_EXAMPLE}")
    name: str = document["name"]
    for key in document:
        if key not in _CALL_KEYS:
            hint = _MEANT.get(key) or nearest(key[:80], _CALL_KEYS)
            suggestion = f" Did you mean {hint!r}?" if hint else ""
            return Call(error=f"Error: a tool call has no key {key[:80]!r}.{suggestion} Write {CALL_EXAMPLE}")
    arguments = document.get("arguments", {})
    if not isinstance(arguments, dict):
        return Call(error=f"Error: the arguments of {name[:80]!r} must be an object.")
    return Call(name=name, arguments=arguments)
