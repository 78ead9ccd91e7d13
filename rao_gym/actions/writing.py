"""Write actions as text, in the form that `read_calls`, `read_code` and chat templates understand."""

from __future__ import annotations

import json
import re
from typing import Any

from rao_gym.actions.calls import CALL_TAGS
from rao_gym.actions.thinking import THINKING_TAGS

_FENCES = re.compile(r"`{3,}")


def write_call(name: str, /, **arguments: Any) -> str:
    """Return a tool call.

    Args:
        name: The tool's name.
        **arguments: Its arguments, in JSON form.
    """
    opening, closing = CALL_TAGS
    return f"{opening}{json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}{closing}"


def write_cell(code: str) -> str:
    """Return code as a cell: a fenced block with a fence longer than any in the code."""
    longest = max((len(found) for found in _FENCES.findall(code)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}python\n{code}\n{fence}"


def write_thought(text: str) -> str:
    """Return text as thinking, to put before an action; it is never executed."""
    opening, closing = THINKING_TAGS[0]
    return f"{opening}\n{text}\n{closing}\n"
