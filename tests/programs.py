"""Random programs that send values of every kind across every crossing between a cell and its host."""

from __future__ import annotations

import random
from collections.abc import Iterator

VALUES = (
    "None", "True", "-1", "10**5000", "2**400_000", "0.5", "float('nan')", "float('inf')", "''", "'text'", "'é\\u2028'",
    "'a' * 10**6", "b'bytes'", "1j", "...", "len", "int", "range(3)", "iter([1])", "lambda: 1", "[]", "{}", "()",
    "{1, 2}", "frozenset([1])", "{1: 2, None: 3}", "{(1, 2): 3}", "shared(5)", "shared(40)", "nested(50)",
    "nested(300)", "own()", "Thing(1)", "{Thing(1)}", "{Thing(1): 2}", "Point(1)", "ValueError('no')",
    "[Thing(1), len]",
    "['a' * 10**5] * 2_000", "finish", "peek", "launch_subagent", "launch_subagent('x', 0, 1)", "helper()",
    "str(launch_subagent('x', 0, 1))", "undefined", "1 / 0", "'<tool_call>'", "size", "list(range(20_000))",
    "[2**100_000] * 500", "'x' * (20 * 2**20)", "bytes(20 * 2**20)",
)  # fmt: skip
"""Expressions; the names that they use are those of `PRELUDE` and of the tests' family."""

CROSSINGS = (
    "{value}", "print({value})", "print([{value}] * 3)", "finish({value})", "finish([{value}])",
    "finish({{'k': {value}}})",
    "finish({{{value}: 1}})", "finish(({value}, {value}))", "finish(answer={value})", "peek({value})",
    "peek(index={value})", "peek(**{{{value}: 1}})", "peek(0, {value})", "{value}.missing", "unknown({value})",
    "await launch_subagent({value}, 0, 1)", "await launch_subagent('x', {value}, 1)",
    "print(await launch_subagent('x', 0, 2))", "await launch_subagent(goal='x', start=0, end=1, other={value})",
    "print(await asyncio.gather(*[launch_subagent(f'{{i}}', 0, 2) for i in range(3)]))", "kept = {value}",
    "raise ValueError({value})", "assert not {value}, {value}", "finish = {value}", "peek = {value}", "await {value}",
    "print(kept)", "finish(kept)", "launch_subagent('x', 0, 1)",
    "x = {value}\nfinish([x, await launch_subagent('y', 0, 1)])",
)  # fmt: skip
"""Statements, with a place for a value."""

PRELUDE = """\
class Thing:
    def __init__(self, x):
        self.x = x
from dataclasses import dataclass
@dataclass(frozen=True)
class Point:
    x: int
async def helper():
    return 1
def shared(n):
    part = [1]
    for _ in range(n):
        part = [part, part]
    return part
def nested(n):
    part = [1]
    for _ in range(n):
        part = [part]
    return part
def own():
    part = []
    part.append(part)
    return part
"""


def programs(seed: int) -> Iterator[str]:
    """Yield one random cell after another, without end."""
    draw = random.Random(seed)
    while True:
        crossings = draw.choices(CROSSINGS, k=draw.choice((1, 1, 2, 3)))
        lines = [crossing.format(value=draw.choice(VALUES)) for crossing in crossings]
        if draw.random() < 0.5:
            lines = [_guarded(line) for line in lines]
        yield PRELUDE + "\n".join(lines)


def _guarded(statement: str) -> str:
    """Return a statement that prints what it raises."""
    body = statement.replace("\n", "\n    ")
    return f"try:\n    {body}\nexcept Exception as error:\n    print(error)"
