"""The skill of the scripted policies: read a specification and write the function that it specifies.

Steps of composed functions are read with the building blocks that they were written with; for library functions, there
are reference solutions. Everything else is beyond this skill.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

from rao_gym.tasks.base import SPLITS
from rao_gym.tasks.code.blocks import INT, STR, read_call, read_step
from rao_gym.tasks.code.composed import GUARDS
from rao_gym.tasks.code.library import library_functions

_HEAD = re.compile(r"^def (\w+)\((.*)\) -> (.+)$", re.MULTILINE)
_HELPERS = re.compile(r"^Helpers: (.+)$", re.MULTILINE)
_HELPER = re.compile(r"`(\w+)\((?:\w+: ([^`]*?))?\) -> ([^`]+)`")
_GUARD = re.compile(r"^If `(\w+)` is (?:0|empty), return (.+) at once\.$", re.MULTILINE)
_STEP = re.compile(r"^\d+\. (.+)$", re.MULTILINE)
_CALLED = re.compile(r"`(\w+)` (?:with|returns)")


@dataclass(frozen=True)
class Specification:
    """A specification as read from a transcript.

    Attributes:
        name: The function.
        parameters: The text between the parentheses of its head.
        gives: Type of its result.
        text: Everything below the head.
        helpers: Argument and result types of each helper, by name.
    """

    name: str
    parameters: str
    gives: str
    text: str
    helpers: dict[str, tuple[str, str]]


def read_specifications(text: str) -> dict[str, Specification]:
    """Return every specification in a message, by function name."""
    heads = list(_HEAD.finditer(text))
    found = {}
    for head, following in zip_longest(heads, heads[1:]):
        body = text[head.end() : len(text) if following is None else following.start()]
        listed = _HELPERS.search(body)
        helpers = {} if listed is None else {name: (a, b) for name, a, b in _HELPER.findall(listed.group(1))}
        name, parameters, gives = head.groups()
        found[name] = Specification(name, parameters, gives, body, helpers)
    return found


def write_function(specification: Specification) -> str:
    """Return the function's source, without helpers; if it is too hard, the function returns nothing."""
    for split in SPLITS:
        known = library_functions(split).get(specification.name)
        if known is not None:
            return known.reference
    head = f"def {specification.name}({specification.parameters}) -> {specification.gives}:\n"
    lines = _write_steps(specification)
    return head + "".join(f"    {line}\n" for line in lines or ["return None"])


def _write_steps(specification: Specification) -> list[str] | None:
    """Return the lines of a composed function's body; None if a step is not understood."""
    guard = _GUARD.search(specification.text)
    argument, _, takes = specification.parameters.partition(": ")
    if guard is None:
        return None
    template = GUARDS[INT if takes == INT else STR][1]
    code = [template.replace("{argument}", argument).replace("{default}", guard.group(2)), f"value = {argument}"]
    result = takes
    for step in _STEP.findall(specification.text):
        called = _CALLED.search(step)
        if called is None:
            read = read_step(step, result)
        elif called.group(1) in specification.helpers:
            read = read_call(step, result, *specification.helpers[called.group(1)], takes)
        else:
            read = None
        if read is None:
            return None
        code.append(read[0])
        result = read[1]
    return "\n".join([*code, "return value"]).splitlines()
