"""The scripted policies: the same skill, with and without delegation; they act on the transcript alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rao_gym.actions.writing import write_cell
from rao_gym.policies.base import Turn
from rao_gym.tasks.code.functions import join_sources
from rao_gym.tasks.code.skill import Specification, read_specifications, write_function
from rao_gym.tools import LAUNCH

_WANTED = re.compile(r"^Wanted: (.+?)\. Read", re.MULTILINE)
_LAST_CHANCE = 2


class SingleCoder:
    """Reads the specifications of the wanted functions and of all their helpers, then writes everything at once.

    Its limit is the window: every specification and every function must fit in one transcript.
    """

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Answer every turn."""
        return [alone(turn) for turn in turns]


class RecursiveCoder:
    """Writes the wanted function and lets a sub-agent write each of its helpers.

    If it cannot launch, or if the result does not pass the examples, it continues like `SingleCoder`.
    """

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Answer every turn."""
        return [self._act(turn) for turn in turns]

    def _act(self, turn: Turn) -> str:
        """Answer one turn."""
        if len(turn.messages) > _OPENING or not may_launch(turn):
            return alone(turn)
        return write_delegation(*read_turn(turn))


_OPENING = 2


def alone(turn: Turn) -> str:
    """Read the next missing specifications; once all are known, write the source, try it and finish with it."""
    wanted, known = read_turn(turn)
    if unread := missing(wanted, known):
        return write_reading(unread)
    last = turn.limits.turns is not None and turn.limits.turns < _LAST_CHANCE
    return write_source(wanted, known, tried=last or has_tried(turn))


def may_launch(turn: Turn) -> bool:
    """Tell whether an agent can launch sub-agents."""
    return turn.limits.depth != 0 and any(spec.name == LAUNCH for spec in turn.tools)


def missing(wanted: Iterable[str], known: Mapping[str, Specification]) -> list[str]:
    """Return the functions that are needed, as far as is known, and whose specifications are not in the transcript."""
    return [name for name in _needed(wanted, known) if name not in known]


def write_reading(names: Iterable[str]) -> str:
    """Return the cell that shows specifications."""
    return write_cell("\n".join(f"specification({name!r})" for name in names))


def write_source(wanted: Iterable[str], known: Mapping[str, Specification], *, tried: bool) -> str:
    """Return the cell that finishes with everything that can be written: at once, or if it passes the examples."""
    names = [name for name in _needed(wanted, known) if name in known]
    source = join_sources(write_function(known[name]) for name in reversed(names))
    return write_cell(f"source = {_literal(source)}\n" + ("finish(source)" if tried else _TRY))


def write_delegation(wanted: Sequence[str], known: Mapping[str, Specification]) -> str:
    """Return the cell that delegates the helpers of the wanted function; of several functions, the functions."""
    if len(wanted) > 1:
        return _cell("", wanted)
    specification = known[wanted[0]]
    return _cell(write_function(specification), list(specification.helpers))


_TRY = "if run_examples(source):\n    finish(source)"


def has_tried(turn: Turn) -> bool:
    """Tell whether the source written alone has already been tried."""
    return any(
        message["role"] == "assistant"
        and "run_examples(source)" in message["content"]
        and LAUNCH not in message["content"]
        for message in turn.messages
    )


def read_turn(turn: Turn) -> tuple[list[str], dict[str, Specification]]:
    """Return the wanted functions and all specifications in the transcript."""
    known: dict[str, Specification] = {}
    for message in turn.messages[1:]:
        if message["role"] == "user":
            known |= read_specifications(message["content"])
    listed = _WANTED.search(turn.messages[1]["content"])
    return (listed.group(1).split(", ") if listed else list(read_specifications(turn.messages[1]["content"]))), known


def _needed(wanted: Iterable[str], known: Mapping[str, Specification]) -> list[str]:
    """Return the wanted functions and their known helpers, each before its own helpers."""
    order: dict[str, None] = {}
    queue = list(wanted)
    for name in queue:
        order.pop(name, None)
        order[name] = None
        queue += known[name].helpers if name in known else []
    return list(order)


def _cell(own: str, helpers: Sequence[str]) -> str:
    """Return a cell that delegates the helpers, joins the sources, tries the result and finishes with it."""
    if not helpers:
        return write_cell(f"source = {_literal(own)}\n{_TRY}")
    launches = ",\n".join(f'    {LAUNCH}("Write the Python function `{name}`.", function="{name}")' for name in helpers)
    lines = [f"parts = list(await asyncio.gather(\n{launches},\n))"]
    lines.append(f"own = {_literal(own)}" if own else "own = ''")
    lines.append(f"source = '\\n\\n\\n'.join([*parts, own])\n{_TRY}")
    return write_cell("\n".join(lines))


def _literal(source: str) -> str:
    """Return source as the most readable string literal."""
    readable = "'''" not in source and not source.endswith(("'", "\\"))
    return f"r'''\n{source}'''" if readable else repr(source)
