"""Junk: hostile texts, calls and values that no sensible policy would write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rao_gym.actions import write_call, write_cell
from rao_gym.envs.spaces import UnicodeText
from rao_gym.jsonable import JSON
from rao_gym.tools import FINISH, LAUNCH, ToolSpec

_NESTED: list[Any] = []
for _ in range(60):
    _NESTED = [_NESTED]

HOSTILE_VALUES: tuple[JSON, ...] = (
    None,
    True,
    False,
    0,
    -1,
    10**30,
    1e308,
    -0.0,
    "",
    " ",
    "nan",
    "0",
    "1/0",
    "9" * 5_000,
    "(" * 2_000,
    "x = 1\nreturn",
    "while True: pass",
    "\u202e\u0000🙂",
    "<tool_call>",
    [],
    [[]],
    ["a", 1, None, {"b": []}],
    _NESTED,
    {},
    {"": None},
    {"answer": {"answer": []}},
)
"""Values in JSON form that an agent may return instead of an answer."""

HOSTILE_TEXTS: tuple[object, ...] = (
    "",
    " \n\t",
    "\x00\ud800\uffff",
    "```",
    "```python",
    "```python\n```",
    "```python\nfinish(",
    "```python\nimport os, sys, socket, subprocess\n```",
    "```python\nopen('/etc/passwd').read()\n```",
    "```python\nf = lambda: f()\nf()\n```",
    "```python\nraise SystemExit\n```",
    "```python\na = []\na.append(a)\nfinish(a)\n```",
    "```python\nfinish({1, (2, 3), b'x', 'y'})\n```",
    "```python\nfinish(print)\n```",
    "```python\nfinish(float('nan'))\n```",
    "```python\nfinish(1, 2, answer=3)\n```",
    f"```python\nx = {LAUNCH}\n{LAUNCH}('never awaited')\n```",
    "<tool_call>",
    "<tool_call></tool_call>",
    "<tool_call>null</tool_call>",
    '<tool_call>{"name": 3}</tool_call>',
    '<tool_call>{"name": "finish"}</tool_call>',
    '<tool_call>{"name": "finish", "arguments": [1]}</tool_call>',
    '<tool_call>{"name": "no_such_tool", "arguments": {}}</tool_call>',
    "<tool_call>" + "[" * 5_000 + "</tool_call>",
    "<tool_call>{}</tool_call>" * 200,
    "word " * 20_000,
    None,
    7,
    b"bytes",
    ["a", "list"],
)
"""Action texts, and objects that are not even text."""

_VALUES_BY_TYPE: dict[str, tuple[JSON, ...]] = {
    "string": ("", "?", "0", "root", "🙂\u0000", "left" * 2_000, "__import__('os')"),
    "integer": (0, 1, 3, -1, 2**31, 10**30),
    "number": (0, 1, -0.5, 1e308, 10**30),
    "boolean": (True, False),
    "array": ([], [None], [[1], "two"]),
    "object": ({}, {"": {}}, {"a": [1]}),
    "any": HOSTILE_VALUES,
}

_WRONG_TYPE_SHARE = 0.15
_MISSING_SHARE = 0.1


def junk_action(rng: np.random.Generator, specs: Sequence[ToolSpec], actions: str, space: UnicodeText) -> object:
    """Return an action that is a hostile text, random Unicode, or calls of real tools with bad arguments.

    Args:
        rng: Source of randomness.
        specs: The tools that an agent may call.
        actions: The action form.
        space: The space that random texts are sampled from.
    """
    kind = rng.random()
    if kind < 0.25:
        return HOSTILE_TEXTS[rng.integers(len(HOSTILE_TEXTS))]
    if kind < 0.35:
        return space.sample()
    chosen = [specs[int(rng.integers(len(specs)))] for _ in range(rng.integers(1, 4))]
    if rng.random() < 0.8:
        chosen = [spec for spec in chosen if spec.name != FINISH]  # so that few trees end at once
    return calls_text([(spec.name, _junk_arguments(rng, spec)) for spec in chosen], actions)


def calls_text(calls: Sequence[tuple[str, dict[str, JSON]]], actions: str) -> str:
    """Return calls as an action text.

    Args:
        calls: Names and arguments.
        actions: The action form.
    """
    if actions == "tools":
        return "\n".join(write_call(name, **arguments) for name, arguments in calls)
    lines = []
    for name, arguments in calls:
        written = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        lines.append(f"print({'await ' if name == LAUNCH else ''}{name}({written}))")
    return write_cell("\n".join(lines))


def _junk_arguments(rng: np.random.Generator, spec: ToolSpec) -> dict[str, JSON]:
    """Return arguments for a tool: mostly of the right types, often out of range, sometimes wrong or missing."""
    arguments: dict[str, JSON] = {}
    for parameter in spec.parameters:
        if rng.random() < _MISSING_SHARE:
            continue
        kind = "any" if rng.random() < _WRONG_TYPE_SHARE else parameter.type
        values = _VALUES_BY_TYPE[kind]
        arguments[parameter.name] = values[rng.integers(len(values))]
    return arguments
